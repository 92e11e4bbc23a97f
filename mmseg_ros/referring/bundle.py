"""Bundles of the task `referring`: two graphs, a vocabulary, weights and a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmseg_ros.inference.bundle import (
    MANIFEST_FILE,
    WEIGHTS_FILE,
    file_entries,
    read_manifest,
    verify_files,
    write_manifest,
)
from mmseg_ros.inference.manifest_reader import (
    REFERRING,
    SCHEMA_VERSION,
    FileEntry,
    ManifestReader,
)

TEXT_FILE = 'text_encoder.onnx'
SEGMENTER_FILE = 'segmenter.onnx'
VOCABULARY_FILE = 'vocab.txt'


@dataclass(frozen=True, slots=True)
class ReferringManifest:
    """What `manifest.json` holds.

    Attributes:
        name: Name of the bundle.
        model: Name in the model registry.
        model_options: Options that rebuild the network with `create_model`.
        height: Rows of the camera image that the network takes.
        width: Columns.
        mean: Per channel, of the image scaled to 0..1; subtracted inside the graph.
        std: Standard deviation on the same scale; divided by inside the graph.
        max_tokens: Tokens of a sentence, [CLS] and [SEP] included.
        precision: Precision that the graphs compute in.
        training: Recipe, data and versions.
        metrics: Scores.
        licence: SPDX identifier of the weights.
        files: Every file of the bundle except the manifest itself.
    """

    name: str
    model: str
    model_options: Mapping[str, Any]
    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    max_tokens: int
    precision: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    licence: str
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `manifest.json`."""
        return {
            'schema_version': SCHEMA_VERSION,
            'task': REFERRING,
            'name': self.name,
            'model': {'name': self.model, 'options': dict(self.model_options)},
            'input': {
                'height': self.height,
                'width': self.width,
                'dtype': 'uint8',
                'mean': list(self.mean),
                'std': list(self.std),
                'max_tokens': self.max_tokens,
            },
            'precision': self.precision,
            'training': dict(self.training),
            'metrics': dict(self.metrics),
            'licence': self.licence,
            'files': {
                name: {'bytes': entry.bytes, 'sha256': entry.sha256}
                for name, entry in self.files.items()
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str) -> ReferringManifest:
        """Read the content of `manifest.json`.

        Raises:
            BundleError: The bundle is of another task, or a field is missing, of the wrong type
                or out of range; the message names `source` and the field.
        """
        reader = ManifestReader(data, source)
        reader.require(REFERRING)
        mean, std = reader.statistics('input.mean', 'input.std')
        return cls(
            name=reader.get('name', str),
            model=reader.get('model.name', str),
            model_options=reader.get('model.options', dict),
            height=reader.size('input.height'),
            width=reader.size('input.width'),
            mean=mean,
            std=std,
            max_tokens=reader.size('input.max_tokens'),
            precision=reader.precision(),
            training=reader.get('training', dict),
            metrics=reader.get('metrics', dict),
            licence=reader.get('licence', str),
            files=reader.files(),
        )


@dataclass(frozen=True, slots=True)
class ReferringBundle:
    """A verified bundle.

    Attributes:
        path: Its folder.
        manifest: Its manifest.
    """

    path: Path
    manifest: ReferringManifest


def load_referring_bundle(name_or_path: str | Path) -> ReferringBundle:
    """Read and verify a bundle, given as a folder or as a name in models/zoo/.

    Raises:
        BundleError: The manifest is missing, wrong or of another task, or a file is missing or of
            another size or content than it says.
    """
    path, data = read_manifest(name_or_path)
    manifest = ReferringManifest.from_dict(data, str(path / MANIFEST_FILE))
    required = (TEXT_FILE, SEGMENTER_FILE, VOCABULARY_FILE, WEIGHTS_FILE)
    verify_files(path, manifest.files, required)
    return ReferringBundle(path, manifest)


def unsealed_referring_bundle(path: Path, manifest: ReferringManifest) -> ReferringBundle:
    """Return the bundle that the files in `path` will be; it cannot be loaded without a manifest.

    For checks that come before `seal_referring_bundle`.
    """
    return ReferringBundle(path, replace(manifest, files=file_entries(path)))


def seal_referring_bundle(path: Path, manifest: ReferringManifest) -> ReferringBundle:
    """Write `manifest.json` with the size and hash of every other file in `path`.

    It comes last, after every check, and in one step: a folder with a manifest is a whole bundle.
    """
    write_manifest(path, unsealed_referring_bundle(path, manifest).manifest.to_dict())
    return load_referring_bundle(path)
