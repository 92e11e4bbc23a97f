"""Parameters as dataclass fields: default, unit, range and text, and the check of a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

from mmseg_ros.core.errors import ConfigError


def parameter(
    default: Any,
    text: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = False,
) -> Any:
    """Return a dataclass field that carries what a ROS parameter descriptor needs.

    Args:
        default: Default value; a list default is copied per instance.
        text: One sentence for the reader of `ros2 param describe`.
        unit: Unit of the value, if any.
        low: Smallest allowed value.
        high: Largest allowed value.
        choices: Allowed strings, if only these are.
        read_only: Whether the value is fixed once the node has started.
    """
    metadata = {
        'text': text,
        'unit': unit,
        'low': low,
        'high': high,
        'choices': choices,
        'read_only': read_only,
    }
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def default_of(config_field: Field[Any]) -> Any:
    """Return the default value of a field made by `parameter`."""
    return (
        config_field.default_factory()
        if callable(config_field.default_factory)
        else config_field.default
    )


def check_value(name: str, value: Any, config_field: Field[Any]) -> None:
    """Check one value against the type and the range of its field.

    Raises:
        ConfigError: The value is of another type, out of range or not among the choices.
    """
    kind = type(default_of(config_field))
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f'Parameter {name} must be of type {kind.__name__}, but is {value!r}.')
    rule = config_field.metadata
    if rule['choices'] and value not in rule['choices']:
        raise ConfigError(
            f'Parameter {name} must be one of {", ".join(rule["choices"])}, but is {value!r}.'
        )
    if rule['low'] is not None and not rule['low'] <= value <= rule['high']:
        unit = ' ' + rule['unit'] if rule['unit'] else ''
        raise ConfigError(
            f'Parameter {name} must be in [{rule["low"]}, {rule["high"]}]{unit}, but is {value!r}.'
        )


def parameters_of(config: Any) -> Iterator[Field[Any]]:
    """Yield the fields of a config dataclass (or its class) that are parameters."""
    return (item for item in fields(config) if 'text' in item.metadata)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Checks the type and range of every parameter when a config dataclass is built."""

    def __post_init__(self) -> None:
        for item in parameters_of(self):
            check_value(item.name, getattr(self, item.name), item)
