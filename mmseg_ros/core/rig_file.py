"""Files of config/rigs: several cameras on one vehicle, a node for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from mmseg_ros.core.errors import ConfigError

CAMERAS = 'cameras'
NAMESPACE = 'namespace'
_NAME = re.compile(r'[A-Za-z]\w*(/[A-Za-z]\w*)*', re.ASCII)


def read_rig_file(path: Path, known: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the launch arguments of every camera's node, by its namespace.

    Args:
        path: YAML: arguments of all cameras, and `cameras` with a name and arguments each.
        known: The arguments that a node's launch file declares.

    Raises:
        ConfigError: The file cannot be read, a camera has no valid name, or an argument is
            unknown or not a plain value; the message names file and entry.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'The rig file {path} cannot be read: {error}.') from error
    shared = dict(_mapping(content, f'{path}'))
    cameras = _mapping(shared.pop(CAMERAS, None), f'{path}: {CAMERAS}')
    if not cameras:
        raise ConfigError(f'{path}: {CAMERAS} is empty; name one camera at least.')
    found = {}
    for name, own in cameras.items():
        where = f'{path}: {CAMERAS}.{name}'
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(f'{where} is not a valid ROS namespace; use letters, digits and _.')
        merged = {**shared, **_mapping({} if own is None else own, where)}
        found[name] = {key: _text(key, merged[key], where, known) for key in merged}
    return found


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where} must map names to values, but is {value!r}.')
    return value


def _text(key: Any, value: Any, where: str, known: Collection[str]) -> str:
    """Return the value as a launch argument is typed."""
    if key == NAMESPACE:
        raise ConfigError(f'{where}: leave {NAMESPACE} out; the name of the camera is it.')
    if key not in known:
        there = ', '.join(sorted(set(known) - {NAMESPACE}))
        raise ConfigError(f'{where}: {key!r} is not an argument; there are {there}.')
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or not isinstance(value, str | int | float):
        raise ConfigError(f'{where}.{key} must be one plain value, but is {value!r}.')
    return str(value)
