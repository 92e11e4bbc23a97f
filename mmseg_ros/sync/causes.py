"""Why a sensor is in its state: one sentence for a person, with what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmseg_ros.core.types import Modality
from mmseg_ros.sync.states import BAD_STREAK, GOOD_STREAK, HealthState

_TAI_MINUS_UTC_S = 37.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sentence about one sensor is made of.

    Attributes:
        name: Which sensor. state: Its state.
        fault: What is wrong with its samples; empty if nothing.
        repeats: How often its last stamp came again. stamp_s: That stamp.
        age_s: Since its last new sample; None if none came.
        offset_s: Its stamps minus the common time base; None while unknown.
        set_offset_s: The parameter `offset_s`.
        lateness_s: How far its last late sample overran the deadline.
        deadline_s: How long a frame waits. period_s: Between its samples, 0 while unknown.
        rate_hz: Measured, 0 while unknown. expected_hz: As configured, 0 if it is not.
    """

    name: Modality
    state: HealthState
    fault: str
    repeats: int
    stamp_s: float
    age_s: float | None
    offset_s: float | None
    set_offset_s: float
    lateness_s: float
    deadline_s: float
    period_s: float
    rate_hz: float
    expected_hz: float


def cause_of(facts: Facts) -> str:
    """Return the sentence."""
    name, state = facts.name, facts.state
    if facts.age_s is None:
        return f'No sample of {name} has come yet; check its topic and its publisher.'
    if facts.repeats >= BAD_STREAK and state is not HealthState.OK:
        return (
            f'The stamps of {name} stand still: {facts.repeats + 1} samples are stamped '
            f'{facts.stamp_s:.3f}; make the driver stamp each with its own time.'
        )
    if state is HealthState.LOST:
        return f'{name} has been silent for {facts.age_s:.1f} s and is not waited for.'
    if state is HealthState.OFFSET:
        return _offset_cause(facts)
    if state is HealthState.LATE:
        return (
            f'{name} arrives {facts.lateness_s:.3f} s after the deadline of its frames; raise'
            f' sync.deadline_s above {facts.deadline_s + facts.lateness_s:.3f} or make the driver'
            ' faster.'
        )
    if state is HealthState.STALE:
        return _stale_cause(facts, facts.age_s)
    if state is HealthState.RECOVERING:
        return f'{name} is back and will be waited for again after {GOOD_STREAK} good samples.'
    return _ok_cause(facts)


def _stale_cause(facts: Facts, age_s: float) -> str:
    if facts.fault:
        return f'{facts.name} delivers samples that cannot be used: {facts.fault}.'
    return (
        f'{facts.name} is overdue: last sample {age_s:.2f} s ago,'
        f' one every {facts.period_s:.3f} s expected.'
    )


def _offset_cause(facts: Facts) -> str:
    if facts.offset_s is None:
        return f'The header stamps of {facts.name} are zero; make the driver set them.'
    hint, remedy_s = '', -facts.offset_s
    if abs(abs(remedy_s) - _TAI_MINUS_UTC_S) < 0.5:
        hint = ' (37 s is TAI against UTC: check PTP)'
        remedy_s = math.copysign(_TAI_MINUS_UTC_S, remedy_s)
    return (
        f'The stamps of {facts.name} are {facts.offset_s:+.3f} s from the other sensors{hint};'
        f' synchronize its clock or set sensors.{facts.name}.offset_s to'
        f' {facts.set_offset_s + remedy_s:.3f}.'
    )


def _ok_cause(facts: Facts) -> str:
    rate_hz, expected_hz = facts.rate_hz, facts.expected_hz
    if expected_hz and rate_hz and not 0.5 <= rate_hz / expected_hz <= 2.0:
        return f'{facts.name} delivers {rate_hz:.1f} Hz where {expected_hz:.1f} Hz is expected.'
    return f'{facts.name} delivers {rate_hz:.1f} Hz.' if rate_hz else f'{facts.name} delivers.'
