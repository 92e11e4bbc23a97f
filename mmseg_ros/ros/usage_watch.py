"""Sensors that deliver and are never used, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.types import Modality
from mmseg_ros.sync.counters import CollectorCounters, SensorCounters
from mmseg_ros.sync.health import HealthReport

_PATIENCE_S = 3.0
_FEWEST_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class _Mark:
    """Counters at the time of a sensor's last use."""

    time_s: float
    sensor: SensorCounters
    below_minimum: int


class UsageWatch:
    """Compares a sensor's counters with those at its last use."""

    def __init__(self) -> None:
        self._marks: dict[Modality, _Mark] = {}

    def explain(
        self, report: HealthReport, counters: CollectorCounters, config: NodeConfig, now_s: float
    ) -> str:
        """Return why a sensor has not been used for seconds and what to do; '' if it was.

        Args:
            report: The sensor's health.
            counters: Of the collector.
            config: The parameters.
            now_s: A monotonic clock.
        """
        name = report.modality
        sensor = counters.sensors[name]
        mark = self._marks.get(name)
        if mark is None or sensor.used != mark.sensor.used:
            self._marks[name] = _Mark(now_s, replace(sensor), counters.below_minimum)
            return ''
        came = sensor.received - mark.sensor.received
        if now_s - mark.time_s < _PATIENCE_S or came < _FEWEST_SAMPLES:
            return ''
        return f'None of the last {came} samples of {name} was used: ' + _reason(
            report, sensor, mark, counters, config
        )


def _reason(
    report: HealthReport,
    sensor: SensorCounters,
    mark: _Mark,
    counters: CollectorCounters,
    config: NodeConfig,
) -> str:
    name = report.modality
    if counters.below_minimum > mark.below_minimum:
        return (
            f'their frames have fewer than the {config.sync.min_sensors} samples of '
            'sync.min_sensors; lower it, or see to the other sensors.'
        )
    if sensor.late > mark.sensor.late:
        return 'they come after their frames were emitted; raise sync.deadline_s.'
    window_s, offset_s = config.sensors[name].window_s, report.offset_s or 0.0
    apart = f' (they are {offset_s:+.3f} s from the others)' if abs(offset_s) > window_s else ''
    return (
        f'no frame has its stamp within sensors.{name}.window_s of {window_s:g} s of '
        f'theirs{apart}; widen the window, correct '
        f'sensors.{name}.offset_s, or see why the reference sends so little.'
    )
