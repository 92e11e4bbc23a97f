"""Parameters that are fine one by one and contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mmseg_ros.core.config import NodeConfig, SyncConfig
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.modalities import IMAGE, kind_of
from mmseg_ros.core.types import RGB, STANDARD_MODALITIES


def reject_contradictions(config: NodeConfig) -> None:
    """Check the parameters against each other.

    Raises:
        ConfigError: Some contradict each other; one sentence per contradiction, with the remedy.
    """
    found = [text for rule in _RULES for text in rule(config)]
    if found:
        raise ConfigError('\n'.join(found))


def _all_disabled(config: NodeConfig) -> Iterator[str]:
    if not config.enabled:
        names = ', '.join(config.sensors)
        yield f'All sensors are disabled; set sensors.<name>.enabled of one of {names} to true.'


def _too_many_wanted(config: NodeConfig) -> Iterator[str]:
    enabled = config.enabled
    wanted = config.sync.min_sensors
    if enabled and wanted > len(enabled):
        yield (
            f'Parameter sync.min_sensors is {wanted}, but only {len(enabled)} sensors are enabled '
            f'({", ".join(enabled)}), so nothing could ever be published; set it to '
            f'{len(enabled)} or less.'
        )


def _odd_references(config: NodeConfig) -> Iterator[str]:
    order = config.sync.reference_order
    known = {*config.sensors, *STANDARD_MODALITIES}
    unknown = [name for name in order if name not in known]
    if unknown:
        yield (
            f'Parameter sync.reference_order names {", ".join(map(repr, unknown))}, but the '
            f'sensors are {", ".join(config.sensors)}; name only those of sensor_names.'
        )
    if len(set(order)) != len(order):
        yield f'Parameter sync.reference_order names a sensor twice: {order}; name each once.'
    is_default = order == SyncConfig().reference_order
    if not unknown and not is_default and not set(order) & set(config.enabled):
        yield (
            f'Parameter sync.reference_order is {order}, but none of them is enabled; name at '
            f'least one of {", ".join(config.enabled) or "the sensors"}.'
        )


def _lost_between_samples(config: NodeConfig) -> Iterator[str]:
    for name, sensor in config.sensors.items():
        rate_hz, lost_after_s = sensor.expected_rate_hz, sensor.lost_after_s
        if rate_hz and lost_after_s <= 1.0 / rate_hz:
            yield (
                f'Parameter sensors.{name}.lost_after_s is {lost_after_s:g} s, but at '
                f'sensors.{name}.expected_rate_hz of {rate_hz:g} Hz a sample comes every '
                f'{1.0 / rate_hz:g} s only; set lost_after_s above that.'
            )


def _reference_without_image(config: NodeConfig) -> Iterator[str]:
    sensor = config.sensors.get(RGB)
    if sensor is not None and kind_of(RGB, sensor.kind) not in (RGB, IMAGE):
        yield (
            f'Parameter sensors.{RGB}.kind is {sensor.kind!r}, but the labels are made in the '
            f'image of {RGB!r}; give that sensor another name.'
        )


def _precision_without_effect(config: NodeConfig) -> Iterator[str]:
    model = config.model
    if model.precision != 'fp32' and model.backend not in ('auto', 'openvino'):
        yield (
            f'Parameter model.precision is {model.precision!r}, which only OpenVINO follows, but '
            f'model.backend is {model.backend!r}; set one of the two to its default.'
        )


_RULES: tuple[Callable[[NodeConfig], Iterator[str]], ...] = (
    _all_disabled,
    _too_many_wanted,
    _odd_references,
    _lost_between_samples,
    _reference_without_image,
    _precision_without_effect,
)
