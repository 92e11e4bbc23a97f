"""The manifest of a model bundle: everything the runtime must know about a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmseg_ros.core.errors import BundleError, ConfigError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.inference.manifest_reader import (
    SCHEMA_VERSION,
    SEGMENTATION,
    FileEntry,
    LinkedWeights,
    ManifestReader,
)

EXTERNAL_MODEL = 'external_onnx'
"""`Manifest.model` of networks that others trained: there is a graph, and no weights beside it."""


@dataclass(frozen=True, slots=True)
class ModalitySpec:
    """One input of the network.

    Attributes:
        name: The modality.
        encoding: Name of the encoding in `mmseg_ros.encoding` that makes its 8-bit image.
        mean: Per-channel mean of the image scaled to 0..1, subtracted inside the graph.
        std: Per-channel standard deviation on the same scale, divided by inside the graph.
        value_range: Lowest and highest value of a 16-bit or float image, which become 0 and 255;
            None takes the whole range of the type.
    """

    name: Modality
    encoding: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    value_range: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return its entry in `manifest.json`."""
        entry = {
            'name': self.name,
            'encoding': self.encoding,
            'mean': list(self.mean),
            'std': list(self.std),
        }
        if self.value_range is not None:
            entry['value_range'] = list(self.value_range)
        return entry


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` holds.

    Attributes:
        name: Name of the bundle.
        model: Name in the model registry.
        model_options: Options that rebuild the network with `create_model`.
        modalities: Inputs in the order of the graph's modality axis.
        height: Rows of the network's input.
        width: Columns of the network's input.
        label_space: The classes.
        precision: Precision that the ONNX file holds.
        training: Recipe, data and versions.
        metrics: Scores, per sensor subset too.
        licence: SPDX identifier of the weights.
        subsets: File of each graph that computes some modalities only -> the subsets it serves.
        files: Every file of the bundle except the manifest itself.
        weights_in: The bundle that stores the weights, if it is another one.
    """

    name: str
    model: str
    model_options: Mapping[str, Any]
    modalities: tuple[ModalitySpec, ...]
    height: int
    width: int
    label_space: LabelSpace
    precision: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    licence: str
    subsets: Mapping[str, tuple[tuple[Modality, ...], ...]] = field(default_factory=dict)
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    weights_in: LinkedWeights | None = None

    @property
    def modality_names(self) -> tuple[Modality, ...]:
        """Return the modalities in the order of the graph."""
        return tuple(spec.name for spec in self.modalities)

    @property
    def has_weights(self) -> bool:
        """Return whether the network can be rebuilt and trained further."""
        return self.model != EXTERNAL_MODEL

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `manifest.json`."""
        linked = {} if self.weights_in is None else {'weights_in': self.weights_in.to_dict()}
        return {
            'schema_version': SCHEMA_VERSION,
            'name': self.name,
            **linked,
            'model': {'name': self.model, 'options': dict(self.model_options)},
            'modalities': [spec.to_dict() for spec in self.modalities],
            'input': {'height': self.height, 'width': self.width, 'dtype': 'uint8'},
            'label_space': {
                **self.label_space.to_dict(),
                'fingerprint': self.label_space.fingerprint(),
            },
            'precision': self.precision,
            'training': dict(self.training),
            'metrics': dict(self.metrics),
            'licence': self.licence,
            'subsets': {
                file: [list(subset) for subset in served] for file, served in self.subsets.items()
            },
            'files': {
                name: {'bytes': entry.bytes, 'sha256': entry.sha256}
                for name, entry in self.files.items()
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str) -> Manifest:
        """Read the content of `manifest.json`.

        Raises:
            BundleError: A field is missing, of the wrong type or inconsistent; the message names
                `source` and the field.
        """
        reader = ManifestReader(data, source)
        reader.require(SEGMENTATION)
        modalities = _modalities(reader)
        return cls(
            name=reader.get('name', str),
            model=reader.get('model.name', str),
            model_options=reader.get('model.options', dict),
            modalities=modalities,
            height=reader.size('input.height'),
            width=reader.size('input.width'),
            label_space=_label_space(reader),
            precision=reader.precision(),
            training=reader.get('training', dict),
            metrics=reader.get('metrics', dict),
            licence=reader.get('licence', str),
            subsets=_subsets(reader, [spec.name for spec in modalities]),
            files=reader.files(),
            weights_in=reader.linked_weights(),
        )


def _modalities(reader: ManifestReader) -> tuple[ModalitySpec, ...]:
    specs = []
    for i, entry in enumerate(reader.get('modalities', list)):
        item = ManifestReader({f'modalities[{i}]': entry}, reader.source)
        mean, std = item.statistics(f'modalities[{i}].mean', f'modalities[{i}].std')
        name = item.get(f'modalities[{i}].name', str)
        encoding = item.get(f'modalities[{i}].encoding', str)
        value_range = item.value_range(f'modalities[{i}].value_range')
        specs.append(ModalitySpec(name, encoding, mean, std, value_range))
    names = [spec.name for spec in specs]
    if not names or len(set(names)) != len(names):
        raise BundleError(
            f'{reader.source}: modalities must be named, each once, but are {names}.'
        )
    return tuple(specs)


def _label_space(reader: ManifestReader) -> LabelSpace:
    try:
        label_space = LabelSpace.from_dict(reader.get('label_space', dict), reader.source)
    except ConfigError as error:
        raise BundleError(f'{reader.source}: field label_space: {error}') from error
    fingerprint = reader.get('label_space.fingerprint', str)
    if fingerprint != label_space.fingerprint():
        raise BundleError(
            f'{reader.source}: label_space.fingerprint is {fingerprint[:12]}..., but its classes '
            f'give {label_space.fingerprint()[:12]}...: they were changed after the export.'
        )
    return label_space


def _subsets(
    reader: ManifestReader, modalities: list[Modality]
) -> dict[str, tuple[tuple[Modality, ...], ...]]:
    found = {}
    for file, served in reader.get('subsets', dict).items():
        if not isinstance(served, list) or not all(_is_subset(s, modalities) for s in served):
            raise BundleError(
                f'{reader.source}: field subsets: {file} must serve lists of the modalities '
                f'{modalities}, in that order, but serves {served}.'
            )
        found[str(file)] = tuple(tuple(subset) for subset in served)
    return found


def _is_subset(value: Any, modalities: list[Modality]) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return value == [name for name in modalities if name in value]
