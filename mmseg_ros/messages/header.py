"""The stamp of a message header."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError

NS_PER_S = 1_000_000_000


def nanoseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return N int64 nanoseconds of N seconds, as exact as the seconds are."""
    whole = np.floor(seconds)
    fraction_ns = np.rint((seconds - whole) * NS_PER_S)
    return whole.astype(np.int64) * NS_PER_S + fraction_ns.astype(np.int64)


def stamp_ns(header: Any) -> int:
    """Return the header stamp in nanoseconds.

    Raises:
        SampleError: There is no stamp of seconds and nanoseconds.
    """
    try:
        return int(header.stamp.sec) * NS_PER_S + int(header.stamp.nanosec)
    except (AttributeError, TypeError, ValueError) as error:
        raise SampleError(f'The message has no header stamp ({error}).') from error
