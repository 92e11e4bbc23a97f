"""The stamp of a message header."""

from __future__ import annotations

from typing import Any

from mmseg_ros.core.errors import SampleError

NS_PER_S = 1_000_000_000


def stamp_ns(header: Any) -> int:
    """Return the header stamp in nanoseconds.

    Raises:
        SampleError: There is no stamp of seconds and nanoseconds.
    """
    try:
        return int(header.stamp.sec) * NS_PER_S + int(header.stamp.nanosec)
    except (AttributeError, TypeError, ValueError) as error:
        raise SampleError(f'The message has no header stamp ({error}).') from error
