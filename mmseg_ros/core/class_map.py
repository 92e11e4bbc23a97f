"""Class maps: what the classes of one label space are in another, coarser one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.safe_yaml import load_yaml


@dataclass(frozen=True, slots=True)
class ClassMap:
    """From the classes that a network knows to those that a data set's labels know.

    Attributes:
        target: Classes of the labels.
        source: Name of the label space that is mapped.
        of: Names of source classes per target class; a source class stands at most once.
    """

    target: LabelSpace
    source: str
    of: tuple[tuple[str, ...], ...]

    def table(self, source: LabelSpace) -> NDArray[np.uint8]:
        """Return 256 uint8: target id per source id; the target's ignored id for all others.

        Args:
            source: The label space of the predictions.

        Raises:
            ConfigError: It is not the one that the map was written for, or lacks a class.
        """
        if source.id != self.source:
            raise ConfigError(
                f'The class map {self.target.id!r} starts from the label space {self.source!r}, '
                f'but the bundle predicts {source.id!r}; write a map for it.'
            )
        table = np.full(256, self.target.ignore_id, np.uint8)
        for target_id, names in enumerate(self.of):
            for name in names:
                table[source.class_id(name)] = target_id
        return table


def load_class_map(name_or_path: str) -> ClassMap:
    """Read a class map by name from config/class_maps/, or from the path of a YAML file.

    The file is a label space whose classes also say `of: [source classes]`, with `from`, the name
    of the label space that those belong to.

    Raises:
        ConfigError: There is no such file, it is not a class map, or a class is mapped twice.
    """
    path = Path(name_or_path)
    if path.suffix not in ('.yaml', '.yml'):
        path = config_file(f'class_maps/{name_or_path}.yaml')
    data = load_yaml(path, ConfigError)
    if not isinstance(data, dict) or 'from' not in data:
        raise ConfigError(
            f'{path}: not a class map; needed: id, ignore_id, from, classes[id, name, color, of].'
        )
    target = LabelSpace.from_dict(data, str(path))
    of = tuple(_names(path, entry) for entry in data['classes'])
    every = [name for names in of for name in names]
    twice = sorted({name for name in every if every.count(name) > 1})
    if twice:
        raise ConfigError(f'{path}: {", ".join(twice)} is mapped to more than one class.')
    return ClassMap(target, str(data['from']), of)


def _names(path: Path, entry: dict[str, Any]) -> tuple[str, ...]:
    names = entry.get('of')
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f'{path}: class {entry["name"]!r} needs `of`, a list of class names, '
            f'but has {names!r}.'
        )
    return tuple(names)
