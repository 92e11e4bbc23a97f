"""Files of config/rigs: several cameras on one vehicle, a node for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.merger_config import MergerConfig
from mmseg_ros.core.parameters import parameters_of
from mmseg_ros.core.safe_yaml import load_yaml

CAMERAS = 'cameras'
MERGER = 'merger'
NAMESPACE = 'namespace'
_FILES = ('params_file', 'calibration')
_NAME = re.compile(r'[A-Za-z]\w*(/[A-Za-z]\w*)*', re.ASCII)


def read_rig_file(path: Path, known: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the launch arguments of every camera's node, by its namespace.

    Files (`params_file`, `calibration`) may be given relative to the rig file.

    Args:
        path: YAML: arguments of all cameras, `cameras` with a name and arguments each, and on
            request `merger` (see `read_merger`).
        known: The arguments that a node's launch file declares.

    Raises:
        ConfigError: The file cannot be read, a camera has no valid name, or an argument is
            unknown or not a plain value; the message names file and entry.
    """
    shared = dict(_mapping(load_yaml(path, ConfigError), f'{path}'))
    shared.pop(MERGER, None)
    cameras = _mapping(shared.pop(CAMERAS, None), f'{path}: {CAMERAS}')
    if not cameras:
        raise ConfigError(f'{path}: {CAMERAS} is empty; name one camera at least.')
    found = {}
    for name, own in cameras.items():
        where = f'{path}: {CAMERAS}.{name}'
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(f'{where} is not a valid ROS namespace; use letters, digits and _.')
        merged = {**shared, **_mapping({} if own is None else own, where)}
        found[name] = {
            key: _beside(path, key, _text(key, merged[key], where, known)) for key in merged
        }
    return found


def read_merger(path: Path) -> dict[str, Any] | None:
    """Return the parameters of the cloud merger of a rig; None if the rig asks for none.

    Args:
        path: The rig file; `merger` maps parameters of the merger to values, or is empty.

    Raises:
        ConfigError: The file cannot be read, or a parameter is unknown or out of range.
    """
    content = _mapping(load_yaml(path, ConfigError), f'{path}')
    if MERGER not in content:
        return None
    where = f'{path}: {MERGER}'
    given = content[MERGER]
    values = dict(_mapping({} if given is None else given, where))
    known = [item.name for item in parameters_of(MergerConfig)]
    names = list(_mapping(content.get(CAMERAS), f'{path}: {CAMERAS}'))
    for key in values:
        if key not in known:
            raise ConfigError(
                f'{where}: {key!r} is not a parameter; there are {", ".join(known)}.'
            )
    parameters = {CAMERAS: names, **values}
    try:
        MergerConfig(**parameters)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}') from error
    return parameters


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where} must map names to values, but is {value!r}.')
    return value


def _beside(path: Path, key: str, text: str) -> str:
    """Return the path of a file that stands where a rig file says, seen from the rig file."""
    if key not in _FILES:
        return text
    file = path.parent / Path(text).expanduser()
    return str(file.resolve()) if file.is_file() else text


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
