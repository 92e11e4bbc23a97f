"""How large one image, camera, cloud or event window may be; what exceeds it is rejected by name.

Sizes come from messages and files of others. A camera of 14000 x 14000 pixels is described in a
hundred bytes and costs gigabytes in every table, so sizes are looked at before anything is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_ros.core.parameters import Checked, parameter

LONGEST_SIDE_PX = 32_766
"""OpenCV's tables of pixels hold 16-bit numbers."""
EVENT_BYTES = 13
"""Of one decoded event: column, row, stamp and polarity."""

POINTS_LIMIT = 'points (parameter limits.cloud_points)'
EVENTS_LIMIT = 'events (parameter limits.window_events)'
BYTES_LIMIT = 'bytes (parameter limits.message_bytes)'


@dataclass(frozen=True, kw_only=True)
class LimitsConfig(Checked):
    """The largest inputs that are taken: `limits.*`."""

    image_pixels: int = parameter(
        33_554_432,
        'Largest image, camera or plane, width times height; the default is just above 8K.',
        unit='px',
        low=1024,
        high=1_000_000_000,
        read_only=True,
    )
    cloud_points: int = parameter(
        5_000_000, 'Most points of a cloud.', low=1, high=1_000_000_000, read_only=True
    )
    window_events: int = parameter(
        20_000_000,
        'Most events of a message, and of the packets kept for event windows.',
        low=1,
        high=1_000_000_000,
        read_only=True,
    )
    message_bytes: int = parameter(
        268_435_456,
        'Largest message of a sensor.',
        unit='B',
        low=1024,
        high=4_294_967_295,
        read_only=True,
    )
    buffer_bytes: int = parameter(
        536_870_912,
        'Most memory of the samples of one sensor that wait for a frame; the oldest is dropped.',
        unit='B',
        low=1024,
        high=1_099_511_627_776,
        read_only=True,
    )


_limits = LimitsConfig()


def limits() -> LimitsConfig:
    """Return the limits of this process."""
    return _limits


def use_limits(config: LimitsConfig) -> None:
    """Replace the limits of this process; decoders and cameras look at them at every use."""
    global _limits
    _limits = config


def size_fault(width: int, height: int) -> str:
    """Return in a clause why an image of this size is not taken; '' if it is.

    Args:
        width: Columns.
        height: Rows.
    """
    if width * height > _limits.image_pixels:
        return (
            f'{width} x {height} pixels are more than the limit of {_limits.image_pixels}'
            ' (parameter limits.image_pixels)'
        )
    if max(width, height) > LONGEST_SIDE_PX:
        return f'{width} x {height} pixels have a side of more than {LONGEST_SIDE_PX}'
    return ''


def count_fault(count: int, most: int, what: str) -> str:
    """Return in a clause why so many of something are not taken; '' if they are.

    Args:
        count: How many there are.
        most: A limit of `limits()`.
        what: Plural noun and the parameter: one of the three above.
    """
    return f'{count} are more than the limit of {most} {what}' if count > most else ''
