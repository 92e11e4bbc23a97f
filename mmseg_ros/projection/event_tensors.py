"""Events in the event camera's own image as a voxel grid or time surface of any size."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import EventData
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.event_window import events_in_window
from mmseg_ros.projection.scratch import scratch

_WORTH_A_THREAD = 100_000


def voxel_grid(
    events: EventData,
    bins: int,
    window_ns: tuple[int, int],
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return bins x H x W float32: signed events, shared between the two nearest bins in time.

    The first bin is centered on the start of the window and the last one on its end.

    Args:
        events: The events, in any order; those outside the sensor do not count.
        bins: Number of bins, at least 2.
        window_ns: (start, end); events in [start, end) count.
        out: Array to fill instead of a new one; its content is overwritten.

    Raises:
        ValueError: `out` has another shape or type than the grid.

    Source: Zhu et al., CVPR 2019, section 3.1.
    """
    shape = (bins, events.height, events.width)
    grid = np.zeros(shape, np.float32) if out is None else out
    if out is not None:
        if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError(f'The grid needs a packed float32 array of shape {shape}.')
        grid.fill(0.0)
    part = events_in_window(events, window_ns)
    scale = (bins - 1) / float(max(window_ns[1] - window_ns[0], 1))
    if len(part.x) < _WORTH_A_THREAD or bins < 3:
        _fill_part(part, slice(None), window_ns[0], scale, grid, 0, bins, grid[0])
        return grid
    # Events are in order of time: two threads share no bin but the middle one.
    middle = bins // 2
    middle_ns = window_ns[0] + math.ceil(middle / scale)
    cut = int(np.searchsorted(part.stamp_ns, middle_ns))
    spill = scratch('event_tensors.spill', shape[1:], np.float32)
    spill.fill(0.0)
    late = _second_thread().submit(
        _fill_part, part, slice(cut, None), window_ns[0], scale, grid, middle, bins, spill
    )
    _fill_part(part, slice(cut), window_ns[0], scale, grid, 0, middle, spill)
    late.result()
    grid[middle] += spill
    return grid


@cache
def _second_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, 'voxel_grid')


def _fill_part(
    events: EventData,
    part: slice,
    start_ns: int,
    scale: float,
    grid: NDArray[np.float32],
    lowest: int,
    spill_bin: int,
    spill: NDArray[np.float32],
) -> None:
    _fill_voxels(
        events.x[part], events.y[part], events.stamp_ns[part], events.polarity[part],
        start_ns, scale, grid, lowest, spill_bin, spill.reshape(-1),
    )  # fmt: skip


def time_surface(events: EventData, decay_s: float, end_ns: int) -> NDArray[np.float32]:
    """Return 2 x H x W float32: exp(-age / decay) of the last rise and the last fall; 0 for none.

    Args:
        events: The events, in any order.
        decay_s: Time in which a value falls to 1/e.
        end_ns: Events before this time count; ages are measured from it.

    Source: Lagorce et al., TPAMI 2017.
    """
    surface = np.zeros((2, events.height, events.width), np.float32)
    part = events_in_window(events, (np.iinfo(np.int64).min, end_ns))
    _fill_surface(part.x, part.y, part.stamp_ns, part.polarity, end_ns, -1e-9 / decay_s, surface)
    return surface


@compiled
def _fill_voxels(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    stamp_ns: NDArray[np.int64],
    polarity: NDArray[np.bool_],
    start_ns: int,
    scale: float,
    grid: NDArray[np.float32],
    lowest: int,
    spill_bin: int,
    spill: NDArray[np.float32],
) -> None:
    """Fill the grid; what belongs to `spill_bin` as the later of two bins goes to `spill`.

    `lowest` and `spill_bin` also hold what rounding moves across the middle.
    """
    bins, height, width = grid.shape
    plane = height * width
    flat = grid.reshape(-1)
    for i in range(len(x)):
        if not (0 <= x[i] < width and 0 <= y[i] < height):
            continue
        time = (stamp_ns[i] - start_ns) * scale
        low = max(lowest, min(int(time), bins - 2, spill_bin - 1), 0)
        late = np.float32(time - low)
        sign = np.float32(1.0) if polarity[i] else np.float32(-1.0)
        pixel = np.int64(y[i]) * width + x[i]
        at = low * plane + pixel
        flat[at] += sign * (np.float32(1.0) - late)
        if low + 1 == spill_bin:
            spill[pixel] += sign * late
        else:
            flat[at + plane] += sign * late


@compiled
def _fill_surface(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    stamp_ns: NDArray[np.int64],
    polarity: NDArray[np.bool_],
    end_ns: int,
    rate: float,
    surface: NDArray[np.float32],
) -> None:
    for i in range(len(x)):
        age_ns = end_ns - stamp_ns[i]  # negative where it does not fit into 64 bits
        if age_ns >= 0 and 0 <= y[i] < surface.shape[1] and 0 <= x[i] < surface.shape[2]:
            channel = 0 if polarity[i] else 1
            surface[channel, y[i], x[i]] = math.exp(age_ns * rate)
