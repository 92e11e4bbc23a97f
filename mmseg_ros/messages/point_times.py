"""The times of single points of a cloud, whatever unit and origin a driver gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.messages.header import NS_PER_S
from mmseg_ros.projection.compiled import compiled

TIME_FIELDS = ('t', 'time', 'timestamp', 'time_stamp', 'offset_time')
# Median of absolute times since 1970 in s, ms, us and ns; below the first they are relative.
_ABSOLUTE = ((1e17, 1.0), (1e14, 1e3), (1e11, 1e6), (1e6, 1e9))
_FURTHEST_S = 5.0
_COARSEST_S = 0.01
_SHORTEST_SPREAD_NS = 20_000_000
_PROBES = 2048


@dataclass(frozen=True, slots=True)
class PointTimes:
    """When the points of a cloud were measured.

    Attributes:
        stamp_ns: N int64 on the clock of the header; None where the cloud has no field for it.
        untimed: How many points had a time that is missing, no number or far from all others;
            they have the time of the point before them.
        fault: Why no time of the cloud can be used, in a sentence, else ''; all points then have
            the stamp of the cloud.
    """

    stamp_ns: NDArray[np.int64] | None
    untimed: int = 0
    fault: str = ''


def point_times(points: NDArray[Any], header_ns: int) -> PointTimes:
    """Return the times of the points of one cloud.

    Integers are nanoseconds, floats seconds, since the header stamp. Those that are too large
    for that are absolute, in the unit (s, ms, us, ns) that leads to our days. The middle of the
    measured points decides; single wild values do not.

    Args:
        points: N points as of `messages.cloud.point_array`, with x.
        header_ns: Stamp of the cloud.
    """
    names = points.dtype.names or ()
    name = next((field for field in TIME_FIELDS if field in names), None)
    if name is None or points.dtype[name].shape or not len(points):
        return PointTimes(None)
    return checked_times(points[name], points['x'], header_ns, name)


def checked_times(
    raw: NDArray[Any], x: NDArray[Any], header_ns: int, name: str = 'time'
) -> PointTimes:
    """Return the times of points by the rules of `point_times`.

    Args:
        raw: N times as the driver gives them.
        x: N coordinates, NaN where nothing was measured.
        header_ns: Stamp of the cloud.
        name: Name of the field, for messages.
    """
    middle, spread = _middle(raw, x)
    unit_ns, start_ns = _unit(raw.dtype, middle, header_ns)
    fault = _fault(raw.dtype, middle, unit_ns, start_ns - header_ns)
    if fault:
        stamps = np.full(len(raw), header_ns, np.int64)
        return PointTimes(stamps, fault=f'Point times in {name!r} {fault}')
    reach = max(5 * spread, _SHORTEST_SPREAD_NS / unit_ns)
    stamps = np.empty(len(raw), np.int64)
    values = np.ascontiguousarray(raw, np.float64)
    offset = round(middle) if unit_ns == 1.0 else int(np.floor(middle))
    # Exact in integers: what is left of the middle fits into a float with room to spare.
    base_ns = start_ns + offset * int(unit_ns)
    bad = 0
    if _fill(values, middle, reach, float(offset), unit_ns, stamps):  # nearly never
        bad = int(np.count_nonzero(np.isfinite(x) & ~(np.abs(values - middle) <= reach)))
    stamps += base_ns
    return PointTimes(stamps, bad)


def _middle(raw: NDArray[Any], x: NDArray[Any]) -> tuple[float, float]:
    """Return the median and the spread of the times of measured points, NaN without any."""
    step = max(1, len(raw) // _PROBES)
    for every in dict.fromkeys((step, 1)):
        times = raw[::every].astype(np.float64)
        times = times[np.isfinite(times) & np.isfinite(x[::every])]
        if len(times):
            low, middle, high = np.quantile(times, [0.1, 0.5, 0.9], method='nearest')
            return float(middle), float(high - low)
    return float('nan'), 0.0


def _unit(dtype: np.dtype[Any], middle: float, header_ns: int) -> tuple[float, int]:
    """Return nanoseconds per unit and the origin in nanoseconds."""
    if dtype.kind != 'f':
        found = (unit_ns for threshold, unit_ns in _ABSOLUTE[:3] if middle > threshold)
        unit_ns = next(found, 0.0)
        return (unit_ns, 0) if unit_ns else (1.0, header_ns)
    for threshold, unit_ns in _ABSOLUTE:
        if middle > threshold:
            return unit_ns, 0
    return float(NS_PER_S), header_ns


def _fault(dtype: np.dtype[Any], middle: float, unit_ns: float, start_ns: int) -> str:
    if not np.isfinite(middle):
        return 'hold no number.'
    step_s = float(np.spacing(dtype.type(middle))) * unit_ns / NS_PER_S if dtype.kind == 'f' else 0
    if step_s > _COARSEST_S:
        return (
            f'go in steps of {step_s:.3g} s: {dtype} is too coarse for absolute times; let the '
            'driver give float64, or times since the header stamp.'
        )
    away_s = (middle * unit_ns + float(start_ns)) / NS_PER_S
    if abs(away_s) > _FURTHEST_S:
        return f'lie {away_s:.3g} s from the stamp of their cloud: they are on another clock.'
    return ''


@compiled
def _fill(
    values: NDArray[np.float64],
    middle: float,
    reach: float,
    offset: float,
    unit_ns: float,
    stamps: NDArray[np.int64],
) -> int:
    """Fill the nanoseconds since `offset`; return how many points had no usable time.

    Such a point gets the time of the last good one before it (the first ones that of the first
    good one): points come in the order in which they were measured, so it is off by little.
    """
    first = 0
    while first < len(values) - 1 and not abs(values[first] - middle) <= reach:
        first += 1
    last = np.int64(np.rint((values[first] - offset) * unit_ns))
    bad = 0
    for i in range(len(values)):
        if abs(values[i] - middle) <= reach:
            last = np.int64(np.rint((values[i] - offset) * unit_ns))
        else:
            bad += 1
        stamps[i] = last
    return bad
