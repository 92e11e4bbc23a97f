"""Reads the fields of a bundle's manifest and says which one is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmseg_ros.core.errors import BundleError

SCHEMA_VERSION = 1
SEGMENTATION, REFERRING = 'segmentation', 'referring'
"""Tasks of bundles; a manifest that names none is of the first."""
PRECISIONS = ('fp32', 'fp16', 'int8')
_LARGEST_SIZE_PX = 8192
_WHERE = {
    SEGMENTATION: 'the parameter model.bundle',
    REFERRING: 'the parameter referring.bundle, or to `mmseg_ros segment-text`',
}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size and SHA-256 of one file of the bundle."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LinkedWeights:
    """Where a bundle of graphs alone has the weights of its network.

    Attributes:
        bundle: Name of the bundle that stores them.
        sha256: Of its `model.safetensors`.
    """

    bundle: str
    sha256: str

    def to_dict(self) -> dict[str, str]:
        """Return its entry in `manifest.json`."""
        return {'bundle': self.bundle, 'sha256': self.sha256}


class ManifestReader:
    """Looks fields up by dotted name.

    Args:
        data: Content of `manifest.json`. source: Its path, for messages.
    """

    def __init__(self, data: Mapping[str, Any], source: str) -> None:
        self._data = data
        self.source = source

    def get(self, name: str, kind: type) -> Any:
        """Return a field.

        Raises:
            BundleError: It is missing or of another type.
        """
        value: Any = self._data
        for key in name.split('.'):
            if not isinstance(value, Mapping) or key not in value:
                raise BundleError(f'{self.source}: field {name!r} is missing.')
            value = value[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BundleError(
                f'{self.source}: field {name!r} must be of type {kind.__name__}, but is {value!r}.'
            )
        return value

    def require(self, task: str) -> None:
        """Check version and task.

        Raises:
            BundleError: The manifest is of another version, or the bundle is for something else.
        """
        version = self.get('schema_version', int)
        if version != SCHEMA_VERSION:
            raise BundleError(
                f'{self.source}: schema_version is {version}, but this mmseg_ros reads '
                f'{SCHEMA_VERSION}; export the bundle again.'
            )
        found = task_of(self._data)
        if found != task:
            hint = f'; give it to {_WHERE[found]}' if found in _WHERE else ''
            raise BundleError(
                f'{self.source}: the bundle is for {found!r}, not for {task!r}{hint}.'
            )

    def linked_weights(self) -> LinkedWeights | None:
        """Return the field `weights_in`, or None if the bundle stores its weights.

        Raises:
            BundleError: It names no bundle or hash, or a path.
        """
        if 'weights_in' not in self._data:
            return None
        bundle = str(self.get('weights_in.bundle', str))
        if not bundle or bundle.startswith('.') or '/' in bundle:
            raise BundleError(
                f'{self.source}: field weights_in.bundle must be the name of a bundle, but is '
                f'{bundle!r}.'
            )
        return LinkedWeights(bundle, str(self.get('weights_in.sha256', str)))

    def precision(self) -> str:
        """Return the precision of the graphs; raises `BundleError` if there is no such."""
        precision = str(self.get('precision', str))
        if precision not in PRECISIONS:
            raise BundleError(
                f'{self.source}: precision is {precision!r}, not one of {PRECISIONS}.'
            )
        return precision

    def size(self, name: str) -> int:
        """Return a number of pixels or tokens; raises `BundleError` if it is out of range."""
        value = int(self.get(name, int))
        if not 0 < value <= _LARGEST_SIZE_PX:
            raise BundleError(
                f'{self.source}: field {name!r} must be in 1..{_LARGEST_SIZE_PX}, but is {value}.'
            )
        return value

    def statistics(
        self, mean: str, std: str
    ) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return mean and standard deviation per channel; raises `BundleError` if not usable."""
        found_mean, found_std = self._triple(mean), self._triple(std)
        if min(found_std) <= 0:
            raise BundleError(f'{self.source}: {std} must be positive: {found_std}.')
        return found_mean, found_std

    def value_range(self, name: str) -> tuple[float, float] | None:
        """Return lowest and highest value, or None if the field is missing.

        Raises:
            BundleError: They are not two finite numbers in rising order.
        """
        try:
            low, high = (float(value) for value in self.get(name, list))
        except BundleError:
            if self._has(name):
                raise
            return None
        except (TypeError, ValueError) as error:
            raise BundleError(f'{self.source}: field {name!r} must hold two numbers.') from error
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise BundleError(
                f'{self.source}: field {name!r} must rise from a finite to a finite number, but '
                f'is [{low}, {high}].'
            )
        return low, high

    def _has(self, name: str) -> bool:
        value: Any = self._data
        for key in name.split('.'):
            if not isinstance(value, Mapping) or key not in value:
                return False
            value = value[key]
        return True

    def files(self) -> dict[str, FileEntry]:
        """Return the entries of all files; raises `BundleError` if one is not whole."""
        entries = {}
        for name, entry in self.get('files', dict).items():
            item = ManifestReader({'files': {'entry': entry}}, f'{self.source}: {name}')
            entries[str(name)] = FileEntry(
                item.get('files.entry.bytes', int), item.get('files.entry.sha256', str)
            )
        return entries

    def _triple(self, name: str) -> tuple[float, float, float]:
        try:
            first, second, third = (float(v) for v in self.get(name, list))
        except (TypeError, ValueError) as error:
            raise BundleError(f'{self.source}: field {name!r} must hold three numbers.') from error
        return first, second, third


def task_of(data: Mapping[str, Any]) -> str:
    """Return what a bundle is for, by the content of its manifest."""
    return str(data.get('task', SEGMENTATION))
