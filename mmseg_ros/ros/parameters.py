"""ROS parameters declared from the dataclasses of core/config.py, and the way back."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from mmseg_ros.bag.sensor_setup import read_setup_file
from mmseg_ros.core.config import PARAMETER_BLOCKS, NodeConfig, SensorConfig
from mmseg_ros.core.contradictions import reject_contradictions
from mmseg_ros.core.errors import CalibrationError, ConfigError
from mmseg_ros.core.parameters import check_value, default_of, parameters_of
from mmseg_ros.core.types import STANDARD_MODALITIES, Modality
from mmseg_ros.ros.qos_overrides import QOS_OVERRIDES, odd_override

SENSORS = 'sensors'
SENSOR_NAMES = 'sensor_names'
AUTOSTART = 'autostart'

_OF_RCLPY = ('use_sim_time', 'start_type_description_service', QOS_OVERRIDES)


class NodeParameters:
    """Declares every parameter of the node and turns their values into a `NodeConfig`."""

    def __init__(self, node: Node) -> None:
        """Declare all parameters with the values of the command line and the parameter file.

        Raises:
            ConfigError: A value is of another type or out of range; the message lists all such.
        """
        self._node = node
        self._overrides: Mapping[str, Parameter] = dict(getattr(node, '_parameter_overrides', {}))
        self._from_file = _of_calibration_file(self._overrides)
        self._fields: dict[str, Field[Any]] = {}
        self._declare_basics()
        self.modalities = self._modalities()
        faults = [fault for name, item in self._plan() for fault in self._declare(name, item)]
        faults += filter(
            None,
            (
                odd_override(name, given.value)
                for name, given in self._overrides.items()
                if name.startswith(QOS_OVERRIDES)
            ),
        )
        if faults:
            raise ConfigError('\n'.join(faults))

    @property
    def autostart(self) -> bool:
        """Return whether the node configures and activates itself."""
        return bool(self._node.get_parameter(AUTOSTART).value)

    def unknown(self) -> list[str]:
        """Return one sentence per given parameter that the node does not have."""
        known = [*self._fields, SENSOR_NAMES, AUTOSTART]
        return [
            _unknown_text(name, known)
            for name in sorted(self._overrides)
            if name not in known and not name.startswith(_OF_RCLPY)
        ]

    def config(self, changes: Iterable[Parameter] = ()) -> NodeConfig:
        """Return the values as a config, with `changes` taken as already made.

        Raises:
            ConfigError: A change is of another type or out of range, or the values contradict
                each other.
        """
        values = {name: self._node.get_parameter(name).value for name in self._fields}
        for change in changes:
            if change.name in self._fields:
                check_value(change.name, _plain(change.value), self._fields[change.name])
                values[change.name] = change.value
        sensors = {
            name: SensorConfig(**_block(values, f'{SENSORS}.{name}')) for name in self.modalities
        }
        blocks: dict[str, Any] = {
            name: kind(**_block(values, name)) for name, kind in PARAMETER_BLOCKS.items()
        }
        config = NodeConfig(sensors=sensors, **blocks)
        reject_contradictions(config)
        return config

    def unused_qos(self) -> list[str]:
        """Return one sentence per given QoS override that no publisher or subscription took."""
        return [
            f'Parameter {name!r} has no effect: the node has no such publisher or subscription '
            'now, or its topic or policy is spelled otherwise.'
            for name in sorted(self._overrides)
            if name.startswith(QOS_OVERRIDES) and not self._node.has_parameter(name)
        ]

    def check(self, changes: list[Parameter]) -> SetParametersResult:
        """Accept or reject a set-parameters request as a whole, with the reason."""
        try:
            self.config(changes)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _declare_basics(self) -> None:
        self._node.declare_parameter(
            AUTOSTART,
            False,
            ParameterDescriptor(
                description='Whether the node configures and activates itself.', read_only=True
            ),
        )
        self._node.declare_parameter(
            SENSOR_NAMES,
            self._given(SENSOR_NAMES, list(STANDARD_MODALITIES)),
            ParameterDescriptor(
                description='Names of the sensors; each has a block sensors.<name>.*.',
                read_only=True,
            ),
            ignore_override=True,
        )

    def _given(self, name: str, default: Any) -> Any:
        """Return the value of a parameter: given to the node, else in the file, else the default.

        "The file" is the calibration file, which may hold more than poses.
        """
        override = self._overrides.get(name)
        return self._from_file.get(name, default) if override is None else override.value

    def _modalities(self) -> tuple[Modality, ...]:
        names = tuple(self._node.get_parameter(SENSOR_NAMES).value)
        if not names or len(set(names)) != len(names) or not all(map(_is_name, names)):
            raise ConfigError(
                f'Parameter {SENSOR_NAMES} must list different names of letters, digits and '
                f'underscores, but is {list(names)}.'
            )
        return names

    def _plan(self) -> Iterator[tuple[str, Field[Any]]]:
        for modality in self.modalities:
            for item in parameters_of(SensorConfig):
                yield f'{SENSORS}.{modality}.{item.name}', item
        for block, kind in PARAMETER_BLOCKS.items():
            for item in parameters_of(kind):
                yield f'{block}.{item.name}', item

    def _declare(self, name: str, item: Field[Any]) -> list[str]:
        value = default_of(item)
        faults = []
        try:
            value = _checked(name, self._given(name, value), item)
        except ConfigError as error:
            faults.append(str(error))
        self._fields[name] = item
        self._node.declare_parameter(name, value, descriptor_of(item), ignore_override=True)
        return faults


def _of_calibration_file(given: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the parameters that the file of `calibration.file` holds beside the calibration.

    Topics, windows and offsets may stand in the same YAML, as `mmseg_ros inspect` proposes.
    """
    file = given.get('calibration.file')
    path = Path(str(file.value)).expanduser() if file is not None and file.value else None
    if path is None or path.suffix not in ('.yaml', '.yml', '.json') or not path.is_file():
        return {}
    try:
        setup = read_setup_file(path)
    except (ConfigError, CalibrationError):
        return {}  # another tool's format, or a fault that loading the calibration tells
    values: dict[str, Any] = {f'sync.{name}': value for name, value in setup.sync.items()}
    for name, settings in setup.settings.items():
        values |= {f'{SENSORS}.{name}.{key}': value for key, value in settings.items()}
    if setup.topics:
        values[SENSOR_NAMES] = list(setup.topics)
    return values


def descriptor_of(item: Field[Any]) -> ParameterDescriptor:
    """Return the descriptor of a config field: text, range or choices, read-only flag."""
    rule = item.metadata
    unit = f' [{rule["unit"]}]' if rule['unit'] else ''
    descriptor = ParameterDescriptor(
        description=rule['text'] + unit, read_only=bool(rule['read_only'])
    )
    if rule['choices']:
        descriptor.additional_constraints = 'One of: ' + ', '.join(rule['choices']) + '.'
    if rule['low'] is None:
        return descriptor
    if isinstance(default_of(item), float):
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(rule['low']), to_value=float(rule['high']))
        ]
    else:
        descriptor.integer_range = [
            IntegerRange(from_value=int(rule['low']), to_value=int(rule['high']), step=1)
        ]
    return descriptor


def _checked(name: str, value: Any, item: Field[Any]) -> Any:
    value = _plain(value)
    check_value(name, value, item)
    return float(value) if isinstance(default_of(item), float) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _block(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    start = prefix + '.'
    return {
        name.removeprefix(start): _plain(value)
        for name, value in values.items()
        if name.startswith(start)
    }


def _is_name(name: str) -> bool:
    return name.isidentifier()


def _unknown_text(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f' Did you mean {near[0]!r}?' if near else ''
    return f'Parameter {name!r} is not known and has no effect.{hint}'
