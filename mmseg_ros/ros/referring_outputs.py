"""The result topics of text-prompted segmentation; one nobody subscribes to is not computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image, PointCloud2

from mmseg_ros.core.config import OutputConfig
from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.types import FrameSet, SegmentationResult, SensorSample
from mmseg_ros.labelling import overlay
from mmseg_ros.labelling.frame import Frame
from mmseg_ros.messages.results import JPEG, PNG
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.referring.result import IGNORE_ID, ReferringResult, label_space_of
from mmseg_ros.ros.conversions import cloud_message, header_of, image_message
from mmseg_ros.ros.result_publisher import ResultPublisher

MASK_TOPIC = '~/referring/mask'
OVERLAY_TOPIC = '~/referring/overlay'
POINTS_TOPIC = '~/referring/points'


class ReferringOutputs:
    """Publishers of masks, overlays and the points that are meant.

    Attributes:
        config: Live-tunable output parameters.
        paused: Per topic, why it could not be published from the last image.
    """

    def __init__(self, node: LifecycleNode, config: OutputConfig) -> None:
        """Create the publishers; nothing is sent while the node is inactive."""
        self.config = config
        self.paused: dict[str, str] = {}
        self._publishers = {
            topic: ResultPublisher(node, topic, message_class, compression)
            for topic, message_class, compression in (
                (MASK_TOPIC, Image, PNG),
                (OVERLAY_TOPIC, Image, JPEG),
                (POINTS_TOPIC, PointCloud2, ''),
            )
        }

    def wanted(self) -> bool:
        """Return whether anybody subscribes to any result."""
        return any(publisher.wanted() for publisher in self._publishers.values())

    def publish(
        self, result: ReferringResult, image: SensorSample, frame_set: FrameSet, rig: Rig
    ) -> None:
        """Publish what is subscribed to.

        Args:
            result: The masks.
            image: The camera image they belong to; gives stamp and frame.
            frame_set: Samples of the same time.
            rig: Calibration.
        """
        frame = _frame(result, image, frame_set, rig)
        header = header_of(image.stamp_ns, image.frame_id)
        self._send(MASK_TOPIC, lambda: image_message(header, result.mask, 'mono8'))
        self._send(OVERLAY_TOPIC, lambda: image_message(header, self._overlay(frame), 'rgb8'))
        self._send(POINTS_TOPIC, lambda: _points(frame))

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            publisher.close()

    def _send(self, topic: str, build: Callable[[], Any]) -> None:
        publisher = self._publishers[topic]
        self.paused.pop(topic, None)
        if not publisher.wanted():
            return
        try:
            publisher.publish(build, self.config.jpeg_quality)
        except MmsegError as error:
            self.paused[topic] = str(error)

    def _overlay(self, frame: Frame) -> Any:
        alpha = self.config.overlay_alpha
        return overlay(frame.rgb, frame.result.labels, frame.label_space, alpha)


def _frame(result: ReferringResult, image: SensorSample, frame_set: FrameSet, rig: Rig) -> Frame:
    """Return the masks as a frame whose classes are the text prompts."""
    labelled = SegmentationResult(
        stamp_ns=image.stamp_ns,
        frame_id=image.frame_id,
        labels=result.labels,
        confidence=result.confidence,
        modalities=(image.modality,),
        available=np.ones(1, bool),
    )
    return Frame(frame_set, labelled, rig, label_space_of(result.sentences))


def _points(frame: Frame) -> PointCloud2:
    """Return the points that are meant, with the number of the text prompt as their label."""
    sample = frame.lidar
    if sample is None:
        raise MmsegError('No LiDAR cloud in the frame.')
    points = frame.labelled_points()
    meant = points[points['label'] != IGNORE_ID]
    return cloud_message(header_of(sample.stamp_ns, sample.frame_id), meant, 1, len(meant))
