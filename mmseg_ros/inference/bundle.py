"""Model bundles: a folder with manifest.json, ONNX graphs, model.safetensors and a model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.errors import BundleError, ConfigError
from mmseg_ros.core.resources import bundle_directory
from mmseg_ros.core.safe_yaml import load_json
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.inference.manifest_reader import FileEntry

MANIFEST_FILE = 'manifest.json'
ONNX_FILE = 'model.onnx'
WEIGHTS_FILE = 'model.safetensors'
CONSTANTS_FILE = 'model.constants'
CARD_FILE = 'README.md'


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle.

    Attributes:
        path: Its folder.
        manifest: Its manifest.
    """

    path: Path
    manifest: Manifest

    @property
    def onnx_path(self) -> Path:
        """Return the path of the network."""
        return self.path / ONNX_FILE

    @property
    def weights_path(self) -> Path:
        """Return the path of the weights for further training.

        Raises:
            BundleError: Another bundle stores them, and is missing or has others by now.
        """
        linked = self.manifest.weights_in
        if linked is None:
            return self.path / WEIGHTS_FILE
        beside = self.path.parent / linked.bundle
        try:
            folder = beside if beside.is_dir() else bundle_directory(linked.bundle)
        except ConfigError as error:
            raise BundleError(
                f'{self.path} stores graphs alone; its weights are in the bundle '
                f'{linked.bundle!r}, which must lie beside it. {error}'
            ) from error
        path = folder / WEIGHTS_FILE
        if not path.is_file() or file_sha256(path) != linked.sha256:
            raise BundleError(
                f'{path} is not what {self.path} was exported from (sha256 '
                f'{linked.sha256[:12]}...); export it again from {linked.bundle!r}.'
            )
        return path


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Read and verify a bundle, given as a folder or as a name in models/zoo/.

    Raises:
        BundleError: The manifest is missing or wrong, or a file is missing or of another size or
            content than it says.
    """
    path, data = read_manifest(name_or_path)
    manifest = Manifest.from_dict(data, str(path / MANIFEST_FILE))
    weights = (WEIGHTS_FILE,) if manifest.has_weights and manifest.weights_in is None else ()
    verify_files(path, manifest.files, (ONNX_FILE, *weights, *manifest.subsets))
    return Bundle(path, manifest)


def unsealed_bundle(path: Path, manifest: Manifest) -> Bundle:
    """Return the bundle that the files in `path` will be; it cannot be loaded without a manifest.

    For checks that come before `seal_bundle`.
    """
    return Bundle(path, replace(manifest, files=file_entries(path)))


def seal_bundle(path: Path, manifest: Manifest) -> Bundle:
    """Write `manifest.json` with the size and hash of every other file in `path`.

    It comes last, after every check, and in one step: a folder with a manifest is a whole bundle.
    """
    write_manifest(path, unsealed_bundle(path, manifest).manifest.to_dict())
    return load_bundle(path)


def read_manifest(name_or_path: str | Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder of a bundle of any task, and the content of its manifest.

    Raises:
        BundleError: There is no such bundle, or its manifest is missing or no JSON object.
    """
    try:
        folder = bundle_directory(str(name_or_path))
    except ConfigError as error:
        raise BundleError(str(error)) from error
    path = folder / MANIFEST_FILE
    if not path.exists():
        raise BundleError(f'{path} is missing: the folder is not a model bundle.')
    data = load_json(path, BundleError)
    if not isinstance(data, dict):
        raise BundleError(f'{path}: must hold a JSON object, but holds {type(data).__name__}.')
    return folder, data


def write_manifest(path: Path, data: Mapping[str, Any]) -> None:
    """Write the manifest of the bundle in the folder `path`, in one step."""
    write_text(path / MANIFEST_FILE, json.dumps(data, indent=2) + '\n')


def file_entries(path: Path) -> dict[str, FileEntry]:
    """Return size and hash of every file in the folder `path` but the manifest."""
    names = sorted(
        p.relative_to(path).as_posix()
        for p in path.rglob('*')
        if p.is_file() and p.name != MANIFEST_FILE
    )
    return {name: _file_entry(path / name) for name in names}


def verify_files(path: Path, files: Mapping[str, FileEntry], required: Iterable[str]) -> None:
    """Check every file of a bundle.

    Raises:
        BundleError: One is missing, or of another size or content than the manifest says.
    """
    for name in required:
        if name not in files:
            raise BundleError(f'{path / MANIFEST_FILE}: files does not list {name!r}.')
    for name, entry in files.items():
        _verify_file(path, name, entry)


def _verify_file(path: Path, name: str, entry: FileEntry) -> None:
    file = path / name
    if not file.resolve().is_relative_to(path.resolve()):
        raise BundleError(f'{path}: files lists {name!r}, which lies outside the bundle.')
    if not file.is_file():
        raise BundleError(f'{path}: {name} is listed in the manifest but missing.')
    size = file.stat().st_size
    if size != entry.bytes:
        raise BundleError(f'{path}: {name} has {size} bytes, but the manifest says {entry.bytes}.')
    found = _file_entry(file)
    if found.sha256 != entry.sha256:
        raise BundleError(
            f'{path}: sha256 of {name} is {found.sha256[:12]}..., but the manifest says '
            f'{entry.sha256[:12]}...: the file was changed or damaged.'
        )


def _file_entry(path: Path) -> FileEntry:
    return FileEntry(path.stat().st_size, file_sha256(path))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open('rb') as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
