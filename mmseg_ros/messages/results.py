"""The result topics: their names and what each holds of one frame, live as in a bag.

The node fills messages of rclpy with it, `mmseg_ros.bag.result_bag` those of a bag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.config import OutputConfig
from mmseg_ros.core.errors import MmsegError
from mmseg_ros.labelling.colors import colorize, overlay
from mmseg_ros.labelling.frame import Frame

NODE_NAME = 'mmseg'
"""Name of the node where none is given; `~/labels` is `/mmseg/labels` then."""
LABEL_INFO = '~/label_info'
JPEG, PNG = 'jpeg', 'png'


@dataclass(frozen=True, slots=True)
class ImageContent:
    """What an image message of a result holds.

    Attributes:
        stamp_ns: Header stamp. frame_id: Header frame.
        pixels: H x W or H x W x 3. encoding: As sensor_msgs/image_encodings.hpp names it.
    """

    stamp_ns: int
    frame_id: str
    pixels: NDArray[Any]
    encoding: str


@dataclass(frozen=True, slots=True)
class CloudContent:
    """What a cloud message of a result holds.

    Attributes:
        stamp_ns: Header stamp. frame_id: Header frame.
        points: height * width points, structured, row-major.
        height: Rows. width: Points per row.
    """

    stamp_ns: int
    frame_id: str
    points: NDArray[Any]
    height: int
    width: int


Content = ImageContent | CloudContent


class Surface(Enum):
    """When an output asks for the depth image at the size of the labels."""

    NEVER = 'never'
    PER_SCAN = 'per scan'
    PER_FRAME = 'per frame'


@dataclass(frozen=True, slots=True)
class ResultTopic:
    """One result topic.

    Attributes:
        name: Relative to the node, as in `~/labels`.
        is_cloud: Whether it holds clouds; else images.
        build: Makes its content from a frame, None where there is nothing new to say; raises
            MmsegError where the frame lacks what it needs.
        compression: What `<topic>/compressed` holds, jpeg or png; '' where there is no such topic.
        surface: When `build` asks for `Frame.surface`.
    """

    name: str
    is_cloud: bool
    build: Callable[[Frame], Content | None]
    compression: str = ''
    surface: Surface = Surface.NEVER


class Results:
    """Makes the contents of the result topics.

    Attributes:
        config: Parameters of the outputs; may be replaced between two frames.
        topics: The result topics.
    """

    def __init__(self, config: OutputConfig) -> None:
        self.config = config
        self._last_scan_ns: int | None = None
        self.topics = (
            ResultTopic('~/labels', False, _labels, PNG),
            ResultTopic('~/confidence', False, _confidence, PNG),
            ResultTopic('~/color', False, _color, JPEG),
            ResultTopic('~/overlay', False, self._overlay, JPEG),
            ResultTopic('~/points', True, self._points, surface=Surface.PER_SCAN),
            ResultTopic('~/points/organized', True, _organized, surface=Surface.PER_FRAME),
            ResultTopic('~/debug/projection', False, _projection, JPEG, Surface.PER_FRAME),
        )

    def _points(self, frame: Frame) -> CloudContent | None:
        """Return the labeled cloud, once per scan: further frames that hold it add nothing."""
        sample = frame.lidar
        if sample is None:
            raise MmsegError('No LiDAR cloud in the frame.')
        if sample.stamp_ns == self._last_scan_ns:
            return None
        self._last_scan_ns = sample.stamp_ns
        cloud: Any = sample.payload
        points = frame.labelled_points(self.config.field_preset)
        return CloudContent(sample.stamp_ns, sample.frame_id, points, cloud.height, cloud.width)

    def _overlay(self, frame: Frame) -> ImageContent:
        alpha = self.config.overlay_alpha
        pixels = overlay(frame.rgb, frame.result.labels, frame.label_space, alpha)
        return _image(frame, pixels, 'rgb8')


def _labels(frame: Frame) -> ImageContent:
    labels = frame.result.labels
    return _image(frame, labels, 'mono8' if labels.dtype == np.uint8 else '16UC1')


def _confidence(frame: Frame) -> ImageContent:
    return _image(frame, frame.result.confidence, 'mono8')


def _color(frame: Frame) -> ImageContent:
    return _image(frame, colorize(frame.result.labels, frame.label_space), 'rgb8')


def _organized(frame: Frame) -> CloudContent:
    if frame.depth is None:
        raise MmsegError('No depth image in the frame.')
    cloud = frame.organized_points()
    result = frame.result
    return CloudContent(result.stamp_ns, result.frame_id, cloud.points, cloud.height, cloud.width)


def _projection(frame: Frame) -> ImageContent:
    if frame.lidar is None:
        raise MmsegError('No LiDAR cloud in the frame.')
    return _image(frame, frame.projection_image(), 'rgb8')


def _image(frame: Frame, pixels: NDArray[Any], encoding: str) -> ImageContent:
    return ImageContent(frame.result.stamp_ns, frame.result.frame_id, pixels, encoding)
