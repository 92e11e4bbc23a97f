"""Event frames (images that show events) as events."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.messages.event_points import event_data
from mmseg_ros.messages.header import stamp_ns
from mmseg_ros.messages.image import decode_image

NEUTRAL_GREY = 128


def from_frame(msg: Any, height: int, width: int) -> EventData:
    """Return the events that a sensor_msgs/Image shows, just before its stamp.

    In color, red is a rise and blue a fall; in mono8, brighter than 128 is a rise and darker a
    fall. A pixel gives one event per polarity.

    Args:
        msg: The image.
        height: Rows of the event sensor.
        width: Columns of the event sensor.

    Raises:
        SampleError: The image is malformed or not of the size of the sensor.
    """
    pixels = decode_image(msg).pixels
    if pixels.shape[:2] != (height, width) or pixels.dtype != np.uint8:
        raise SampleError(
            f'An event frame must be 8-bit and {width} x {height} pixels like its sensor, but is '
            f'{msg.encoding!r} and {msg.width} x {msg.height}.'
        )
    if pixels.ndim == 3:
        rose, fell = pixels[..., 0] > 0, pixels[..., 2] > 0
    else:
        rose, fell = pixels > NEUTRAL_GREY, pixels < NEUTRAL_GREY
    y, x = (np.concatenate(pair) for pair in zip(np.nonzero(rose), np.nonzero(fell), strict=True))
    polarity = np.arange(len(x)) < np.count_nonzero(rose)
    # Windows end before the reference stamp, so an event at the stamp itself would be lost.
    stamps = np.full(len(x), stamp_ns(msg.header) - 1, np.int64)
    return event_data(x, y, stamps, polarity, height, width)
