"""Label spaces: which class has which id, name, color and group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.safe_yaml import load_yaml


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: id as in label images, name, RGB color 0..255, and the group it belongs to."""

    id: int
    name: str
    color: tuple[int, int, int]
    group: str


_LONGEST_NAME = 200
_LARGEST_ID = 65_535
"""Label images hold ids of 8 or 16 bits."""


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """An ordered set of classes with ids 0..n-1.

    Attributes:
        id: Name of the label space.
        classes: The classes in id order.
        ignore_id: Id of pixels without a class: never scored, drawn black.
    """

    id: str
    classes: tuple[LabelClass, ...]
    ignore_id: int

    def __post_init__(self) -> None:
        ids = [c.id for c in self.classes]
        if ids != list(range(len(ids))):
            raise ConfigError(
                f'Label space {self.id!r}: class ids must be 0..{len(ids) - 1} in order, '
                f'but are {ids}.'
            )
        names = [c.name for c in self.classes]
        if len(set(names)) != len(names):
            raise ConfigError(
                f'Label space {self.id!r}: class names must differ, but are {names}.'
            )
        for name in (self.id, *names):
            if not (name.isprintable() and len(name) <= _LONGEST_NAME):
                raise ConfigError(
                    f'Label space {self.id[:_LONGEST_NAME]!r}: names must be printable and at '
                    f'most {_LONGEST_NAME} characters long, but one is {name[:_LONGEST_NAME]!r}.'
                )
        if not (0 <= self.ignore_id <= _LARGEST_ID and len(ids) <= _LARGEST_ID):
            raise ConfigError(
                f'Label space {self.id!r}: ids must be in 0..{_LARGEST_ID}, but ignore_id is '
                f'{self.ignore_id} and there are {len(ids)} classes.'
            )
        if 0 <= self.ignore_id < len(ids):
            raise ConfigError(
                f'Label space {self.id!r}: ignore_id {self.ignore_id} is the id of class '
                f'{names[self.ignore_id]!r}.'
            )
        for label in self.classes:
            if len(label.color) != 3 or not all(0 <= value <= 255 for value in label.color):
                raise ConfigError(
                    f'Label space {self.id!r}: color of {label.name!r} must be three numbers '
                    f'0..255, but is {label.color}.'
                )

    @property
    def num_classes(self) -> int:
        """Return the number of classes, without the ignored one."""
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the class names in id order."""
        return tuple(c.name for c in self.classes)

    def class_id(self, name: str) -> int:
        """Return the id of class `name`.

        Raises:
            ConfigError: There is no such class; the message lists the names.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise ConfigError(
                f'Label space {self.id!r} has no class {name!r}; it has: {", ".join(self.names)}.'
            ) from None

    def palette(self) -> NDArray[np.uint8]:
        """Return 256 x 3 uint8 RGB, indexed by label; ids without a class are black."""
        table = np.zeros((256, 3), np.uint8)
        for label in self.classes:
            table[label.id] = label.color
        return table

    def fingerprint(self) -> str:
        """Return a SHA-256 over ids, names and ignored id: equal where labels mean the same."""
        meaning = json.dumps([[c.id, c.name] for c in self.classes] + [self.ignore_id])
        return hashlib.sha256(meaning.encode()).hexdigest()

    def summary(self) -> dict[str, Any]:
        """Return what metrics.json says about the classes: id, fingerprint and their names."""
        return {'id': self.id, 'fingerprint': self.fingerprint(), 'classes': list(self.names)}

    def to_dict(self) -> dict[str, Any]:
        """Return the plain mapping that `from_dict` reads."""
        return {
            'id': self.id,
            'ignore_id': self.ignore_id,
            'classes': [
                {'id': c.id, 'name': c.name, 'color': list(c.color), 'group': c.group}
                for c in self.classes
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str = 'label space') -> LabelSpace:
        """Build a label space from the mapping of a YAML file or a manifest.

        Raises:
            ConfigError: A key is missing or a value is out of range; `source` names the place.
        """
        try:
            classes = tuple(
                LabelClass(
                    int(c['id']),
                    str(c['name']),
                    _rgb(c['color']),
                    str(c.get('group', '')),
                )
                for c in data['classes']
            )
            return cls(str(data['id']), classes, int(data['ignore_id']))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ConfigError(
                f'{source}: not a label space ({error!r}); '
                'needed: id, ignore_id, classes[id, name, color].'
            ) from error


def _rgb(values: Sequence[Any]) -> tuple[int, int, int]:
    red, green, blue = values
    return int(red), int(green), int(blue)


def load_label_space(name_or_path: str = 'deliver') -> LabelSpace:
    """Read a label space by name from config/label_spaces/, or from the path of a YAML file.

    A bare file name that is not in the working folder, as in `cityscapes.yaml`, is the shipped
    one of that name.

    Raises:
        ConfigError: There is no such file, or it is not a label space.
    """
    path = Path(name_or_path)
    if path.suffix not in ('.yaml', '.yml'):
        path = config_file(f'label_spaces/{name_or_path}.yaml')
    elif path.parent == Path() and not path.exists():
        path = config_file(f'label_spaces/{path.stem}.yaml')
    return LabelSpace.from_dict(load_yaml(path, ConfigError), str(path))
