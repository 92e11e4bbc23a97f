"""Packed event formats, decoded by compiled loops that keep their state between buffers.

State is an int64 array, zero at the start of a stream: see the constants below. Times come out in
the unit of the format, with wraps of the sensor's counters undone.

Source: Prophesee's documentation of EVT 2.0, 2.1 and 3.0; event_camera_codecs (Apache-2.0) for
libcaer and mono.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import EVENTS_LIMIT, count_fault
from mmseg_ros.projection.compiled import compiled

Columns: TypeAlias = tuple[
    NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64], NDArray[np.bool_]
]
"""x, y, time and polarity of N events."""

STATE_SIZE = 7
_ROW, _TIME_LOW, _TIME_HIGH, _POLARITY, _BASE, _TIME_KNOWN, _PLACE_KNOWN = range(STATE_SIZE)
_ROW_KNOWN, _BASE_KNOWN = 1, 2
# Vectors without a new base go on to the right; no sensor is that wide, so they count as outside.
_BEYOND_EVERY_SENSOR = 0xF000
_EVT3_WRAP_US = 1 << 24
_EVT2_WRAP_US = 1 << 34
_LIBCAER_WRAP_US = 1 << 31
# The upper time bits sometimes step back a little; only a large step is a wrap.
_SMALL_STEP_BACK = 10


def forget_place(state: NDArray[np.int64]) -> None:
    """Note that words were lost: row and base are unknown until they come again.

    Args:
        state: Decoder state; the time stays, it is repeated soon.
    """
    state[_PLACE_KNOWN] = 0


def event_columns(n: int, most: int | None = None) -> Columns:
    """Return room for `n` events; two bytes of a packet may hold twelve events of 13 bytes.

    Args:
        n: How many there are.
        most: How many are taken, if there is a limit: `limits.window_events`.

    Raises:
        SampleError: There are more.
    """
    fault = '' if most is None else count_fault(n, most, EVENTS_LIMIT)
    if fault:
        raise SampleError(f'The message is too large: {fault}.')
    x, y = np.empty(n, np.uint16), np.empty(n, np.uint16)
    return x, y, np.empty(n, np.int64), np.empty(n, np.bool_)


@compiled
def count_vector_words(
    words: NDArray[np.uint16], single: int, vector_8: int, vector_12: int
) -> int:
    """Return how many events a buffer of 16-bit words can hold.

    Args:
        words: N words whose upper four bits are a code.
        single: Code of a word that is one event.
        vector_8: Code of a word of 8 events.
        vector_12: Code of a word of 12 events.
    """
    count = 0
    for i in range(len(words)):
        code = words[i] >> 12
        if code == single:
            count += 1
        elif code in (vector_8, vector_12):
            bits = words[i] & (0xFF if code == vector_8 else 0xFFF)
            while bits:
                count += 1
                bits &= bits - 1
    return count


@compiled
def decode_evt3(
    words: NDArray[np.uint16],
    state: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    time_us: NDArray[np.int64],
    polarity: NDArray[np.bool_],
) -> int:
    """Fill the columns from a buffer of EVT 3.0 words; return the number of events.

    Events before the first complete time stamp are left out, as are those whose row or, in a
    vector, base column no word has told yet.

    Args:
        words: N uint16.
        state: Decoder state.
        x: At least `count_vector_words` columns, filled.
        y: Rows, filled.
        time_us: Sensor times, filled.
        polarity: True where brightness rose, filled.
    """
    n, room = 0, min(len(x), len(y), len(time_us), len(polarity))
    for i in range(len(words)):
        code, rest = words[i] >> 12, np.int64(words[i] & 0xFFF)
        ready = state[_TIME_KNOWN] == 3 and state[_PLACE_KNOWN] & _ROW_KNOWN
        if code == 0x0:
            state[_ROW] = rest & 0x7FF
            state[_PLACE_KNOWN] |= _ROW_KNOWN
        elif code == 0x6:
            state[_TIME_LOW] = rest
            state[_TIME_KNOWN] |= 1
        elif code == 0x8:
            _advance(state, rest << 12, 0xFFF << 12, _EVT3_WRAP_US, _SMALL_STEP_BACK << 12)
        elif code == 0x3:
            state[_BASE], state[_POLARITY] = rest & 0x7FF, rest >> 11
            state[_PLACE_KNOWN] |= _BASE_KNOWN
        elif code == 0x2 and ready and n < room:
            x[n], y[n], polarity[n] = rest & 0x7FF, state[_ROW], rest >> 11
            time_us[n] = state[_TIME_HIGH] | state[_TIME_LOW]
            n += 1
        elif code in (0x4, 0x5):
            size = 12 if code == 0x4 else 8
            if ready and state[_PLACE_KNOWN] & _BASE_KNOWN:
                for bit in range(size):
                    if (rest >> bit) & 1 and n < room:
                        x[n], y[n], polarity[n] = state[_BASE] + bit, state[_ROW], state[_POLARITY]
                        time_us[n] = state[_TIME_HIGH] | state[_TIME_LOW]
                        n += 1
            state[_BASE] = min(state[_BASE] + size, _BEYOND_EVERY_SENSOR)
    return n


@compiled
def decode_evt2(
    words: NDArray[np.uint32],
    state: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    time_us: NDArray[np.int64],
    polarity: NDArray[np.bool_],
) -> int:
    """Fill the columns from a buffer of EVT 2.0 words; return the number of events.

    Args:
        words: N uint32.
        state: Decoder state.
        x: N columns, filled.
        y: Rows, filled.
        time_us: Sensor times, filled.
        polarity: True where brightness rose, filled.
    """
    n, room = 0, min(len(x), len(y), len(time_us), len(polarity))
    for i in range(len(words)):
        code, rest = words[i] >> 28, np.int64(words[i] & 0xFFFFFFF)
        if code == 0x8:
            step_back = _SMALL_STEP_BACK << 6
            _advance(state, rest << 6, 0xFFFFFFF << 6, _EVT2_WRAP_US, step_back)
        elif code in (0x0, 0x1) and state[_TIME_KNOWN] == 2 and n < room:
            x[n], y[n], polarity[n] = (rest >> 11) & 0x7FF, rest & 0x7FF, code
            time_us[n] = state[_TIME_HIGH] | (rest >> 22)
            n += 1
    return n


@compiled
def count_evt21(words: NDArray[np.uint64]) -> int:
    """Return how many events a buffer of EVT 2.1 words can hold."""
    count = 0
    for i in range(len(words)):
        if words[i] >> np.uint64(60) <= np.uint64(1):
            bits = np.uint32(words[i] & np.uint64(0xFFFFFFFF))
            while bits:
                count += 1
                bits &= bits - np.uint32(1)
    return count


@compiled
def decode_evt21(
    words: NDArray[np.uint64],
    state: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    time_us: NDArray[np.int64],
    polarity: NDArray[np.bool_],
) -> int:
    """Fill the columns from a buffer of EVT 2.1 words; return the number of events.

    A word holds what one of EVT 2.0 does, and which of 32 columns from x on have an event.

    Args:
        words: N uint64.
        state: Decoder state.
        x: At least `count_evt21` columns, filled.
        y: Rows, filled.
        time_us: Sensor times, filled.
        polarity: True where brightness rose, filled.
    """
    n, room = 0, min(len(x), len(y), len(time_us), len(polarity))
    for i in range(len(words)):
        high = np.int64(words[i] >> np.uint64(32))
        code, rest = high >> 28, high & 0xFFFFFFF
        if code == 0x8:
            step_back = _SMALL_STEP_BACK << 6
            _advance(state, rest << 6, 0xFFFFFFF << 6, _EVT2_WRAP_US, step_back)
        elif code in (0x0, 0x1) and state[_TIME_KNOWN] == 2:
            bits = np.int64(words[i] & np.uint64(0xFFFFFFFF))
            for bit in range(32):
                if (bits >> bit) & 1 and n < room:
                    x[n], y[n], polarity[n] = ((rest >> 11) & 0x7FF) + bit, rest & 0x7FF, code
                    time_us[n] = state[_TIME_HIGH] | (rest >> 22)
                    n += 1
    return n


@compiled
def decode_libcaer_compressed(
    words: NDArray[np.uint16],
    state: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    time_us: NDArray[np.int64],
    polarity: NDArray[np.bool_],
) -> int:
    """Fill the columns from a packet of libcaer_cmp words; return the number of events.

    Times are since the time base of the packet, so the state has to be zero at its start.

    Args:
        words: N uint16.
        state: Decoder state, all zero; here the `row` is a column.
        x: At least `count_vector_words` columns, filled.
        y: Rows, filled.
        time_us: Times, filled.
        polarity: True where brightness rose, filled.
    """
    n, room = 0, min(len(x), len(y), len(time_us), len(polarity))
    for i in range(len(words)):
        code, rest = words[i] >> 12, np.int64(words[i] & 0xFFF)
        now = state[_TIME_HIGH] | state[_TIME_LOW]
        if code == 0:
            state[_TIME_HIGH] = rest << 12
        elif code == 1:
            state[_TIME_LOW] = rest
        elif code == 2:
            state[_ROW] = rest & 0x7FF
        elif code == 3 and n < room:
            x[n], y[n], polarity[n], time_us[n] = state[_ROW], rest & 0x7FF, rest >> 11, now
            n += 1
        elif code == 4:
            state[_BASE], state[_POLARITY] = rest & 0x7FF, rest >> 11
        elif code == 5:
            for bit in range(8):
                if (rest >> bit) & 1 and n < room:
                    x[n], y[n] = state[_ROW], state[_BASE] + bit
                    polarity[n], time_us[n] = state[_POLARITY], now
                    n += 1
            state[_BASE] = min(state[_BASE] + 8, _BEYOND_EVERY_SENSOR)
    return n


def unwrapped_libcaer_times(raw_us: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return N int64 microseconds; each step back within the packet is a wrap of 31 bits.

    Args:
        raw_us: N int32.
    """
    times = raw_us.astype(np.int64)
    wraps = np.cumsum(np.diff(times, prepend=times[:1]) < 0)
    return np.asarray(times + wraps * _LIBCAER_WRAP_US)


@compiled
def _advance(
    state: NDArray[np.int64], high: np.int64, mask: int, wrap_us: int, small_step_back: int
) -> None:
    """Take over the upper time bits; count a wrap where they jump back."""
    last = state[_TIME_HIGH] & mask
    if state[_TIME_KNOWN] & 2 and last - high > small_step_back:
        state[_TIME_HIGH] += wrap_us
    state[_TIME_HIGH] = (state[_TIME_HIGH] & ~(wrap_us - 1)) | high
    state[_TIME_KNOWN] |= 2
