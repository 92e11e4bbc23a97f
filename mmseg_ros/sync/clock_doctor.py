"""What the clocks of recorded sensors did: rates, gaps, offsets and drift from plain stamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SyncError

OFFSET_LIMIT_S = 0.5
"""Clock differences below this cannot be told from the time that a message takes to arrive."""
_KNOWN_OFFSETS_S: Mapping[float, str] = {
    37.0: 'TAI against UTC: the sensor follows PTP time without the leap seconds',
    18.0: 'GPS time against UTC: leap seconds are not applied',
    19.0: 'TAI against GPS time',
    3600.0: 'one hour: local time against UTC',
    7200.0: 'two hours: local time against UTC',
}
_KNOWN_TOLERANCE_S = 0.5
_YEAR_S = 365.25 * 86400
_GAP_PERIODS = 1.5
_SMALLEST_WINDOW_S = 0.02
_DEFAULT_WINDOW_S = 0.06
_ENVELOPE_BINS = 20
_DRIFT_SPAN_S = 5.0


@dataclass(frozen=True, slots=True)
class TopicTimes:
    """Stamps of one topic in the order of receipt.

    Attributes:
        topic: Its name.
        stamp_ns: N int64, header stamps.
        receive_ns: N int64, when the recorder received them.
    """

    topic: str
    stamp_ns: NDArray[np.int64]
    receive_ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TopicClock:
    """What one topic's stamps say.

    Attributes:
        topic: Its name. count: Number of messages.
        rate_hz: From the median distance of the stamps; 0 below two messages.
        jitter_s: 95th percentile of the distance's deviation from its median.
        gaps: Number of distances above 1.5 periods. missing: Messages that would fill them.
        longest_gap_s: Longest distance between two stamps.
        backward: Stamps older than the one before. duplicate: Stamps equal to the one before.
        zero: Stamps that are not positive; the other numbers leave them out.
        skew_s: Shortest receive time minus stamp: clock difference plus shortest transport.
        delay_s: 99th percentile of the receive time above the shortest: transport and queues.
        drift_ppm: How much faster than the recorder's the sensor's clock runs, in millionths; None
            below five seconds.
        offset_s: Stamps minus those of the other sensors; 0 where the difference can be transport.
        explanation: What the offset probably is, empty if there is none.
    """

    topic: str
    count: int
    rate_hz: float
    jitter_s: float
    gaps: int
    missing: int
    longest_gap_s: float
    backward: int
    duplicate: int
    zero: int
    skew_s: float
    delay_s: float
    drift_ppm: float | None
    offset_s: float
    explanation: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Parameters for one sensor.

    Attributes:
        window_s: Covers 99 % of its distances from the reference, with a fifth to spare; at least
            20 ms.
        offset_s: Brings its stamps onto the others' clock.
        expected_rate_hz: Measured rate.
        lost_after_s: Five periods, at least half a second.
    """

    window_s: float
    offset_s: float
    expected_rate_hz: float
    lost_after_s: float


def examine(topics: Sequence[TopicTimes]) -> list[TopicClock]:
    """Return what the stamps of each topic say, alone and beside the others.

    The topics that agree on the difference between receipt and stamp are the majority; a topic
    further from them than `OFFSET_LIMIT_S` has a clock of its own. Of two equal groups the one
    nearest to the recorder's clock is believed.

    Raises:
        SyncError: A topic's two arrays differ in length.
    """
    for times in topics:
        if len(times.stamp_ns) != len(times.receive_ns):
            raise SyncError(
                f'{times.topic} has {len(times.stamp_ns)} stamps but {len(times.receive_ns)}'
                ' receive times; give one of each per message.'
            )
    stamped = [_with_stamp(times) for times in topics]
    skews_s = {times.topic: _shortest_skew_s(times) for times in stamped if len(times.stamp_ns)}
    base_s = _majority(list(skews_s.values()))
    return [
        _examine_one(times, len(all_times.stamp_ns), skews_s.get(times.topic, 0.0), base_s)
        for times, all_times in zip(stamped, topics, strict=True)
    ]


def suggest(
    topics: Sequence[TopicTimes], clocks: Sequence[TopicClock], reference: str
) -> tuple[dict[str, Suggestion], float]:
    """Return parameters per topic and the deadline of the frames, in seconds.

    The deadline covers the 99th percentile of the slowest topic's delay behind the fastest; it is
    0 if no topic has a stamp. A topic without any stamp gets no suggestion.

    Args:
        topics: Recorded stamps.
        clocks: What `examine` said about the same topics.
        reference: Topic whose stamps name the frames.
    """
    by_topic = {times.topic: _with_stamp(times) for times in topics}
    offsets_ns = {clock.topic: round(clock.offset_s * 1e9) for clock in clocks}
    reference_ns = by_topic[reference].stamp_ns - offsets_ns[reference]
    suggestions = {}
    latencies_s = []
    for clock in clocks:
        if clock.count == clock.zero:
            continue
        stamp_ns = by_topic[clock.topic].stamp_ns - offsets_ns[clock.topic]
        suggestions[clock.topic] = Suggestion(
            window_s=_window_s(reference_ns, stamp_ns),
            offset_s=0.0 - clock.offset_s,
            expected_rate_hz=round(clock.rate_hz, 2),
            lost_after_s=round(max(0.5, 5.0 / clock.rate_hz if clock.rate_hz else 0.5), 2),
        )
        latencies_s.append((clock.skew_s + clock.offset_s, clock.delay_s))
    if not latencies_s:
        return {}, 0.0
    spread_s = max(skew + delay for skew, delay in latencies_s) - min(s for s, _ in latencies_s)
    return suggestions, round(float(np.ceil(spread_s * 1.2 * 100) / 100) + 0.01, 2)


def _with_stamp(times: TopicTimes) -> TopicTimes:
    """Return the messages whose stamp is set."""
    is_set = times.stamp_ns > 0
    return TopicTimes(times.topic, times.stamp_ns[is_set], times.receive_ns[is_set])


def _examine_one(times: TopicTimes, count: int, skew_s: float, base_s: float) -> TopicClock:
    stamp_s = (times.stamp_ns - (times.stamp_ns[0] if len(times.stamp_ns) else 0)) / 1e9
    steps_s = np.diff(stamp_s)
    forward_s = steps_s[steps_s > 0]
    period_s = float(np.median(forward_s)) if len(forward_s) else 0.0
    gaps_s = forward_s[forward_s > _GAP_PERIODS * period_s]
    delay_s = (times.receive_ns - times.stamp_ns) / 1e9 - skew_s
    offset_s = base_s - skew_s if len(stamp_s) and abs(base_s - skew_s) > OFFSET_LIMIT_S else 0.0
    known_s = _known_offset_s(offset_s)
    return TopicClock(
        topic=times.topic,
        count=count,
        rate_hz=1.0 / period_s if period_s else 0.0,
        jitter_s=float(np.percentile(np.abs(forward_s - period_s), 95)) if period_s else 0.0,
        gaps=len(gaps_s),
        missing=int(np.round(gaps_s / period_s - 1).sum()) if period_s else 0,
        longest_gap_s=float(forward_s.max()) if period_s else 0.0,
        backward=int((steps_s < 0).sum()),
        duplicate=int((steps_s == 0).sum()),
        zero=count - len(stamp_s),
        skew_s=skew_s,
        delay_s=float(np.percentile(delay_s, 99)) if len(delay_s) else 0.0,
        drift_ppm=_drift_ppm(times),
        offset_s=offset_s if known_s is None else known_s,
        explanation=_explain(offset_s),
    )


def _shortest_skew_s(times: TopicTimes) -> float:
    """Return the 1st percentile of receipt minus stamp: robust against one wild stamp."""
    return float(np.percentile((times.receive_ns - times.stamp_ns) / 1e9, 1))


def _majority(skews_s: list[float]) -> float:
    if not skews_s:
        return 0.0
    groups = [
        [other for other in skews_s if 0 <= other - low <= OFFSET_LIMIT_S] for low in skews_s
    ]
    return float(np.median(max(groups, key=lambda group: (len(group), -abs(min(group))))))


def _drift_ppm(times: TopicTimes) -> float | None:
    """Return the slope of the lower envelope of receipt minus stamp, as the sensor's drift.

    Queues only ever delay, so the shortest skew in each of twenty spans is the clock's own; the
    median slope over all pairs of spans (Theil-Sen) ignores spans in which every message queued.
    """
    if not len(times.receive_ns):
        return None
    receive_s = (times.receive_ns - times.receive_ns[0]) / 1e9
    span_s = float(receive_s.max())
    if span_s < _DRIFT_SPAN_S:
        return None
    skew_s = (times.receive_ns - times.stamp_ns) / 1e9
    bins = np.minimum((receive_s / span_s * _ENVELOPE_BINS).astype(int), _ENVELOPE_BINS - 1)
    lowest = [
        index[np.argmin(skew_s[index])]
        for index in (np.flatnonzero(bins == number) for number in range(_ENVELOPE_BINS))
        if len(index)
    ]
    at_s, skew_at_s = receive_s[lowest], skew_s[lowest]
    first, second = np.triu_indices(len(lowest), 1)
    if not len(first):
        return None
    slopes = (skew_at_s[second] - skew_at_s[first]) / (at_s[second] - at_s[first])
    return round(float(-np.median(slopes) * 1e6), 3) + 0.0


def _known_offset_s(offset_s: float) -> float | None:
    for known_s in _KNOWN_OFFSETS_S:
        if abs(abs(offset_s) - known_s) < _KNOWN_TOLERANCE_S:
            return float(np.copysign(known_s, offset_s))
    return None


def _explain(offset_s: float) -> str:
    if offset_s == 0.0:
        return ''
    known_s = _known_offset_s(offset_s)
    if known_s is not None:
        return _KNOWN_OFFSETS_S[abs(known_s)]
    if abs(offset_s) > _YEAR_S:
        return f'{abs(offset_s) / _YEAR_S:.1f} years: the sensor counts from another epoch or boot'
    return 'the clock is not synchronized'


def _window_s(reference_ns: NDArray[np.int64], stamp_ns: NDArray[np.int64]) -> float:
    """Return a window that holds the sample nearest to a reference stamp, 99 % of the time."""
    if not len(reference_ns):
        return _DEFAULT_WINDOW_S
    ordered = np.sort(stamp_ns)
    after = np.clip(np.searchsorted(ordered, reference_ns), 0, len(ordered) - 1)
    before = np.maximum(after - 1, 0)
    nearest_s = (
        np.minimum(np.abs(ordered[after] - reference_ns), np.abs(ordered[before] - reference_ns))
        / 1e9
    )
    period_s = float(np.median(np.diff(ordered))) / 1e9 if len(ordered) > 1 else 0.0
    # Between the samples of a slower sensor there is nothing to find: half a period is enough.
    nearest_s = nearest_s[nearest_s <= 0.55 * period_s] if period_s else nearest_s
    if not len(nearest_s):
        return _DEFAULT_WINDOW_S
    return max(
        _SMALLEST_WINDOW_S, float(np.ceil(np.percentile(nearest_s, 99) * 1.2 * 1000) / 1000)
    )
