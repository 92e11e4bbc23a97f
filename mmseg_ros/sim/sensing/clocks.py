"""When each sensor measures, and when its samples arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, STANDARD_MODALITIES, Modality

_ROUNDING_S = 1e-9


@dataclass(frozen=True, slots=True)
class SensorClock:
    """The clock of one sensor.

    Attributes:
        rate_hz: Samples per second; 0 is triggered by the camera, at its stamps.
        phase_s: Time of a sample, counted from the first image of the camera.
        latency_s: From the end of the measurement to the receipt of the sample.
    """

    rate_hz: float = 0.0
    phase_s: float = 0.0
    latency_s: float = 0.0

    def times(self, after_s: float, until_s: float) -> list[float]:
        """Return the times of the samples in (after_s, until_s], s since the first image."""
        if self.rate_hz == 0:
            return [until_s]
        index = ceil((after_s + _ROUNDING_S - self.phase_s) * self.rate_hz)
        found = []
        while (time_s := self.phase_s + index / self.rate_hz) <= until_s + _ROUNDING_S:
            found.append(time_s)
            index += 1
        return found


TRIGGERED: Mapping[Modality, SensorClock] = MappingProxyType(
    {
        RGB: SensorClock(latency_s=0.012),
        DEPTH: SensorClock(latency_s=0.022),
        EVENT: SensorClock(rate_hz=50.0, latency_s=0.001),
        LIDAR: SensorClock(latency_s=0.006),
    }
)
"""A rig with a trigger line: depth and LiDAR measure with the camera."""

FREE_RUNNING: Mapping[Modality, SensorClock] = MappingProxyType(
    {
        **TRIGGERED,
        DEPTH: SensorClock(rate_hz=15.0, phase_s=0.011, latency_s=0.022),
        LIDAR: SensorClock(rate_hz=10.0, phase_s=-0.02, latency_s=0.006),
    }
)
"""A rig without one: every sensor runs by itself."""


def parse_clock(text: str) -> tuple[Modality, SensorClock]:
    """Return the sensor and clock of `SENSOR=RATE[,PHASE[,LATENCY]]`, in Hz and s.

    >>> parse_clock('depth=15,0.01,0.022')
    ('depth', SensorClock(rate_hz=15.0, phase_s=0.01, latency_s=0.022))

    Raises:
        ConfigError: It does not read so, or there is no such sensor.
    """
    name, _, values = text.partition('=')
    try:
        numbers = [float(value) for value in values.split(',')]
    except ValueError:
        numbers = []
    if name not in TRIGGERED or not 1 <= len(numbers) <= 3:
        raise ConfigError(
            f'{text!r} is no clock; write SENSOR=RATE[,PHASE[,LATENCY]] in Hz and seconds, such '
            f'as depth=15,0.01, with a sensor of {", ".join(STANDARD_MODALITIES)}.'
        )
    usual = (0.0, 0.0, TRIGGERED[name].latency_s)
    rate_hz, phase_s, latency_s = (*numbers, *usual[len(numbers) :])
    return name, SensorClock(rate_hz, phase_s, latency_s)


def check_clocks(clocks: Mapping[Modality, SensorClock]) -> None:
    """Check that there is a clock per sensor and that it can run.

    Raises:
        ConfigError: One is missing or impossible.
    """
    if set(clocks) != set(STANDARD_MODALITIES):
        raise ConfigError(
            f'A sequence needs one clock for each of {", ".join(STANDARD_MODALITIES)}, but has '
            f'them for {", ".join(clocks) or "none"}.'
        )
    for name, clock in clocks.items():
        if clock.rate_hz < 0 or clock.latency_s < 0:
            raise ConfigError(f'The clock of {name} has a negative rate or latency: {clock}.')
    if clocks[RGB].rate_hz or clocks[RGB].phase_s:
        raise ConfigError(
            'The camera sets the frames of a drive: its rate is one over the interval, '
            'its phase 0; only its latency is free.'
        )
