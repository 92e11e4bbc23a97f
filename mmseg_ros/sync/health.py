"""Which sensors are alive: one small state machine per sensor, each state with its cause."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.types import Modality
from mmseg_ros.sync.causes import Facts, cause_of
from mmseg_ros.sync.rate import RateEstimator
from mmseg_ros.sync.states import BAD_STREAK, GOOD_STREAK, HealthState

_logger = logging.getLogger(__name__)

_STALE_PERIODS = 1.5
_LOST_PERIODS = 3.0


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What is known about one sensor.

    Attributes:
        modality: Which sensor. state: Its state. cause: One sentence for a person.
        rate_hz: Measured from its stamps, 0 while unknown. expected_rate_hz: As configured.
        age_s: Since its last new sample on the node's clock; None if none came.
        offset_s: Its stamps minus the common time base of the sensors; None while unknown.
        skew_s: Receive time minus stamp of its last sample; None while unknown.
        lateness_s: How far its last late sample overran the deadline; 0 if none was late.
    """

    modality: Modality
    state: HealthState
    cause: str
    rate_hz: float
    expected_rate_hz: float
    age_s: float | None
    offset_s: float | None
    skew_s: float | None
    lateness_s: float


class SensorHealth:
    """The state machine of one sensor; its times are on the clock given to the collector."""

    __slots__ = (
        '_bad_streak',
        '_deadline_ns',
        '_expected_period_ns',
        '_fault',
        '_good_streak',
        '_late_streak',
        '_lost_after_ns',
        '_repeats',
        '_stamp_ns',
        'config',
        'heard',
        'last_arrival_ns',
        'lateness_ns',
        'name',
        'rate',
        'skew_ns',
        'started_ns',
        'state',
        'waited_for',
        'was_late',
    )

    def __init__(self, name: Modality, config: SensorConfig, deadline_ns: int) -> None:
        self.name = name
        self.rate = RateEstimator()
        self.state = HealthState.STALE
        self.heard = False
        self.waited_for = True
        self.started_ns: int | None = None
        self.last_arrival_ns: int | None = None
        self.skew_ns: int | None = None
        self.lateness_ns = 0
        self.retune(config, deadline_ns)
        self.was_late = False
        self._fault = ''
        self._stamp_ns, self._repeats = 0, 0
        self._bad_streak = self._late_streak = self._good_streak = 0

    def retune(self, config: SensorConfig, deadline_ns: int) -> None:
        """Take over changed parameters; state and learned rate stay."""
        self.config = config
        self._deadline_ns = deadline_ns
        self._lost_after_ns = round(config.lost_after_s * 1e9)
        rate_hz = config.expected_rate_hz
        self._expected_period_ns = round(1e9 / rate_hz) if rate_hz else 0

    @property
    def may_be_held(self) -> bool:
        """Whether its last good sample may serve in further frames."""
        return not self._fault and self.may_deliver

    @property
    def may_deliver(self) -> bool:
        """Whether its next sample may serve in a frame, as far as its state tells."""
        return self.state not in (HealthState.LOST, HealthState.OFFSET)

    def note_stamp(self, stamp_ns: int) -> None:
        """Take note of the stamp that came, whatever it is worth."""
        self._repeats = self._repeats + 1 if stamp_ns == self._stamp_ns else 0
        self._stamp_ns = stamp_ns

    def accept(self, now_ns: int, delta_ns: int) -> bool:
        """Take note of a usable sample, `delta_ns` newer than the last; True if the state changed.

        A delta of 0 is a first sample or one after a gap: it says nothing about the rate.
        """
        self.last_arrival_ns = now_ns
        if delta_ns:
            self.rate.add(delta_ns)
        if self.state is HealthState.OK and not self._bad_streak:
            return False
        self._bad_streak = 0
        if self.state is HealthState.STALE and not self._fault:
            self.heard = True
            return self._change(HealthState.OK)
        if self.state in (HealthState.LOST, HealthState.OFFSET, HealthState.STALE):
            self.heard = True
            self._fault = ''
            self._good_streak = 1
            return self._change(HealthState.RECOVERING)
        if self.state is HealthState.RECOVERING:
            self._good_streak += 1
            return self._good_streak >= GOOD_STREAK and self._change(HealthState.OK)
        return False

    def reject_content(self, now_ns: int, delta_ns: int, fault: str) -> bool:
        """Take note of a sample that holds nothing usable; True if the state changed."""
        self.heard = True
        self.last_arrival_ns = now_ns
        if delta_ns:
            self.rate.add(delta_ns)
        self._bad_streak += 1
        if self._bad_streak < BAD_STREAK and self.state is HealthState.OK:
            return False
        self._fault = fault
        return self._change(HealthState.STALE)

    def reject_clock(self, now_ns: int) -> bool:
        """Take note of a sample whose clock disagrees; True if the state changed."""
        self.heard = True
        self.last_arrival_ns = now_ns
        self._bad_streak += 1
        return self._bad_streak >= BAD_STREAK and self._change(HealthState.OFFSET)

    def late(self, overrun_ns: int) -> bool:
        """Take note of a sample that missed its frame; True if the state changed.

        Args:
            overrun_ns: By how much it missed the deadline of its frame; not positive if it would
                have been in time had the frame waited for it.
        """
        if overrun_ns <= 0:
            return self.in_time()
        self.lateness_ns = overrun_ns
        self.was_late = True
        self._good_streak = 0
        self._late_streak += 1
        if self._late_streak < BAD_STREAK or self.state is not HealthState.OK:
            return False
        return self._change(HealthState.LATE)

    def in_time(self) -> bool:
        """Take note of a sample that was in time for its frame; True if the state changed."""
        self._late_streak = 0
        if self.state is not HealthState.LATE:
            self.was_late = False
            return False
        self._good_streak += 1
        return self._good_streak >= BAD_STREAK and self._change(HealthState.OK)

    def tick(self, now_ns: int) -> bool:
        """Let time pass; True if the state changed."""
        if self.state is HealthState.LOST:
            return False
        if self.started_ns is None:
            self.started_ns = now_ns
        last_ns = self.started_ns if self.last_arrival_ns is None else self.last_arrival_ns
        age_ns = now_ns - last_ns
        if age_ns >= self._lost_after():
            self._fault = ''
            return self._change(HealthState.LOST)
        if self.heard and age_ns >= self._stale_after() and self.state is not HealthState.OFFSET:
            return self._change(HealthState.STALE)
        return False

    def next_change_ns(self) -> int | None:
        """Return when silence will change the state next; None if it never will."""
        if self.state is HealthState.LOST:
            return None
        last_ns = self.started_ns if self.last_arrival_ns is None else self.last_arrival_ns
        if last_ns is None:
            return None
        if self.state in (HealthState.STALE, HealthState.OFFSET):
            return last_ns + self._lost_after()
        return last_ns + min(self._stale_after(), self._lost_after())

    def wake(self, now_ns: int) -> None:
        """Be as at the start if lost: not heard yet and waited for; the learned rate stays."""
        if self.state is HealthState.LOST:
            self.state = HealthState.STALE
            self.waited_for, self.heard = True, False
            self.started_ns, self.last_arrival_ns = now_ns, None

    def restart(self, now_ns: int) -> None:
        """Forget all ages after the clock jumped; the learned rate and the state stay."""
        self.started_ns = now_ns
        if self.last_arrival_ns is not None:
            self.last_arrival_ns = now_ns
        self.skew_ns = None
        self._bad_streak = self._late_streak = 0

    def report(self, now_ns: int, base_ns: int | None) -> HealthReport:
        """Return what is known now.

        Args:
            now_ns: The node's clock.
            base_ns: Receive time minus stamp that the sensors agree on; None if they do not yet.
        """
        offset_ns = None if self.skew_ns is None or base_ns is None else base_ns - self.skew_ns
        age_ns = None if self.last_arrival_ns is None else now_ns - self.last_arrival_ns
        facts = Facts(
            name=self.name,
            state=self.state,
            fault=self._fault,
            repeats=self._repeats,
            stamp_s=self._stamp_ns / 1e9,
            age_s=_seconds(age_ns),
            offset_s=_seconds(offset_ns),
            set_offset_s=self.config.offset_s,
            lateness_s=self.lateness_ns / 1e9,
            deadline_s=self._deadline_ns / 1e9,
            period_s=self._period_ns() / 1e9,
            rate_hz=self.rate.rate_hz,
            expected_hz=self.config.expected_rate_hz,
        )
        return HealthReport(
            modality=self.name,
            state=self.state,
            cause=cause_of(facts),
            rate_hz=facts.rate_hz,
            expected_rate_hz=facts.expected_hz,
            age_s=facts.age_s,
            offset_s=facts.offset_s,
            skew_s=_seconds(self.skew_ns),
            lateness_s=facts.lateness_s,
        )

    def _period_ns(self) -> int:
        return self._expected_period_ns or self.rate.period_ns

    def _stale_after(self) -> int:
        if not self._period_ns():
            return self._lost_after()
        return round(_STALE_PERIODS * self._period_ns()) + self._deadline_ns

    def _lost_after(self) -> int:
        return max(self._lost_after_ns, round(_LOST_PERIODS * self._period_ns()))

    def _change(self, state: HealthState) -> bool:
        if state is self.state:
            return False
        level = (
            logging.INFO if state in (HealthState.OK, HealthState.RECOVERING) else logging.WARNING
        )
        _logger.log(level, 'Sensor %s is %s, was %s.', self.name, state.value, self.state.value)
        if state not in (HealthState.OK, HealthState.RECOVERING):
            self._good_streak = 0
        self.state = state
        self.waited_for = state is HealthState.OK
        return True


def _seconds(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / 1e9
