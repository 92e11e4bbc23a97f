"""All sensors together: their common time base, the best reference, the next timer."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from mmseg_ros.core.types import Modality
from mmseg_ros.sync.health import HealthReport, SensorHealth
from mmseg_ros.sync.states import HealthState

_logger = logging.getLogger(__name__)

_ELECTION = (HealthState.OK, HealthState.RECOVERING, HealthState.LATE, HealthState.STALE)


class HealthMonitor:
    """Watches all sensors of one collector.

    Sensors agree on a time base: the receive time minus the stamp that most of them share, within
    a limit. A sensor outside it has a clock of its own. Where as many sensors say one thing as
    another, the one nearest to the node's clock is believed.

    Attributes:
        sensors: The state machine of each sensor, in order of preference as a reference.
        base_ns: Receive time minus stamp that the sensors agree on; None before the first sample.
    """

    def __init__(self, sensors: Iterable[SensorHealth], offset_limit_ns: int) -> None:
        self.sensors: dict[Modality, SensorHealth] = {health.name: health for health in sensors}
        self.base_ns: int | None = None
        self._limit_ns = offset_limit_ns
        self._next_ns: int | None = None
        self._all_lost = False

    @property
    def all_lost(self) -> bool:
        """Whether no sensor can be used."""
        return self._all_lost

    def retune(self, sensors: Iterable[SensorHealth], offset_limit_ns: int) -> None:
        """Take over a changed order of preference and limit; what is known stays."""
        self.sensors = {health.name: health for health in sensors}
        self._limit_ns = offset_limit_ns
        self.schedule()

    def agrees(self, skew_ns: int) -> bool:
        """Return whether a receive time minus stamp fits the common time base."""
        return (
            self.base_ns is not None
            and -self._limit_ns <= skew_ns - self.base_ns <= self._limit_ns
        )

    def settle_base(self, arrived: SensorHealth | None = None) -> bool:
        """Determine the common time base anew; True if it moved by more than the limit.

        Args:
            arrived: The sensor whose sample has just come: it counts although it was lost.
        """
        skews = sorted(
            health.skew_ns
            for health in self.sensors.values()
            if health.skew_ns is not None
            and (health is arrived or health.state is not HealthState.LOST)
        )
        if not skews:
            return False
        cluster = max(
            ([other for other in skews if 0 <= other - low <= self._limit_ns] for low in skews),
            key=lambda members: (len(members), -abs(members[0])),
        )
        before_ns, self.base_ns = self.base_ns, cluster[len(cluster) // 2]
        return before_ns is not None and abs(self.base_ns - before_ns) > self._limit_ns

    def tick(self, now_ns: int) -> bool:
        """Let time pass; True if the state of any sensor changed."""
        if self._next_ns is not None and now_ns < self._next_ns:
            return False
        changed = [health.name for health in self.sensors.values() if health.tick(now_ns)]
        self.settle_base()
        self.schedule()
        if changed:
            self.notice_all_lost()
        return bool(changed)

    def schedule(self) -> None:
        """Compute anew when silence will change a state next."""
        times = [health.next_change_ns() for health in self.sensors.values()]
        self._next_ns = min((time for time in times if time is not None), default=None)

    def next_change_ns(self) -> int | None:
        """Return when to call `tick` next; None if silence cannot change anything any more."""
        return self._next_ns

    def elect(self) -> Modality | None:
        """Return the sensor that names the stamp of the sets: the most trusted, then by order."""
        best: Modality | None = None
        best_rank = len(_ELECTION)
        for health in self.sensors.values():
            if health.heard and health.state in _ELECTION:
                rank = _ELECTION.index(health.state)
                if rank < best_rank:
                    best, best_rank = health.name, rank
        return best

    def notice_all_lost(self) -> None:
        """Say once that nothing comes any more, and once that something does again."""
        dead = all(
            health.state in (HealthState.LOST, HealthState.OFFSET)
            for health in self.sensors.values()
        )
        if dead and not self._all_lost:
            _logger.error('All sensors are lost: nothing is published until one returns.')
        elif self._all_lost and not dead:
            _logger.info('A sensor returned: frames are made again.')
        self._all_lost = dead

    def wake(self, now_ns: int) -> None:
        """Begin anew when the first sensor returns after all were lost.

        As at the start, every lost sensor is waited for until it had the time to be heard: its
        first sample must not come too late for a frame that another one closed alone.
        """
        for health in self.sensors.values():
            health.wake(now_ns)
        self._all_lost = False
        self.schedule()
        _logger.info('A sensor returned: frames are made again.')

    def restart(self, now_ns: int) -> None:
        """Forget ages and time base after the clock jumped back."""
        self.base_ns = None
        for health in self.sensors.values():
            health.restart(now_ns)
        self.schedule()

    def reports(self, now_ns: int) -> Mapping[Modality, HealthReport]:
        """Return what is known about every sensor."""
        return {name: health.report(now_ns, self.base_ns) for name, health in self.sensors.items()}
