"""The node's result topics; an output nobody subscribes to is not computed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String

from mmseg_ros.core.config import OutputConfig
from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.labelling import colorize, overlay
from mmseg_ros.ros.conversions import cloud_message, header_of, image_message
from mmseg_ros.ros.frame import Frame
from mmseg_ros.ros.qos import NO_EVENTS, latched_qos
from mmseg_ros.ros.qos_overrides import output_options
from mmseg_ros.ros.result_publisher import JPEG, PNG, ResultPublisher

Build = Callable[[Frame], Any]


@dataclass(frozen=True, slots=True)
class _Output:
    topic: str
    message_class: Any
    build: Build
    compression: str = ''


class Outputs:
    """Publishers of results and of the label names.

    Attributes:
        paused: Per topic, why it could not be published from the last frame; empty text if it was.
        config: Live-tunable output parameters.
    """

    def __init__(
        self,
        node: LifecycleNode,
        label_space: LabelSpace,
        config: OutputConfig,
        modalities: Callable[[Frame], DiagnosticArray],
    ) -> None:
        """Create the publishers.

        Args:
            node: Owner; nothing is sent while it is inactive.
            label_space: What the labels mean.
            config: Initial output parameters.
            modalities: Makes the message of ~/modalities.
        """
        self.config = config
        self.paused: dict[str, str] = {}
        self._node = node
        self._label_space = label_space
        self._last_scan_ns: int | None = None
        self._outputs = (
            _Output('~/labels', Image, self._labels, PNG),
            _Output('~/confidence', Image, _confidence, PNG),
            _Output('~/color', Image, _color, JPEG),
            _Output('~/overlay', Image, self._overlay, JPEG),
            _Output('~/points', PointCloud2, self._points),
            _Output('~/points/organized', PointCloud2, _organized),
            _Output('~/debug/projection', Image, _projection, JPEG),
            _Output('~/modalities', DiagnosticArray, modalities),
        )
        self._publishers = {
            output.topic: ResultPublisher(
                node, output.topic, output.message_class, output.compression
            )
            for output in self._outputs
        }
        self._label_info, self._label_message = _label_info(node, label_space)

    def publish_label_info(self) -> None:
        """Send the latched class names; call it once the node is active."""
        self._label_info.publish(self._label_message)

    def wanted(self) -> bool:
        """Return whether anybody subscribes to any result."""
        return any(publisher.wanted() for publisher in self._publishers.values())

    def publish(self, frame: Frame) -> None:
        """Publish every output that somebody subscribes to and that the frame allows."""
        for output in self._outputs:
            publisher = self._publishers[output.topic]
            if not publisher.wanted():
                self.paused.pop(output.topic, None)
                continue
            try:
                publisher.publish(partial(output.build, frame), self.config.jpeg_quality)
                self.paused.pop(output.topic, None)
            except Exception as error:  # whatever one output raises, the others go on
                if not self._node.context.ok():  # the process has closed the publishers
                    raise
                self.paused[output.topic] = reason_of(error, 'publishing')

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            publisher.close()
        self._node.destroy_lifecycle_publisher(self._label_info)

    def _labels(self, frame: Frame) -> Image:
        labels = frame.result.labels
        encoding = 'mono8' if labels.dtype == np.uint8 else '16UC1'
        return image_message(_header(frame), labels, encoding)

    def _points(self, frame: Frame) -> PointCloud2 | None:
        """Return the labeled cloud, once per scan: further frames that hold it add nothing."""
        sample = frame.lidar
        if sample is None:
            raise MmsegError('No LiDAR cloud in the frame.')
        if sample.stamp_ns == self._last_scan_ns:
            return None
        self._last_scan_ns = sample.stamp_ns
        cloud: Any = sample.payload
        header = header_of(sample.stamp_ns, sample.frame_id)
        points = frame.labelled_points(self.config.field_preset)
        return cloud_message(header, points, cloud.height, cloud.width)

    def _overlay(self, frame: Frame) -> Image:
        alpha = self.config.overlay_alpha
        pixels = overlay(frame.rgb, frame.result.labels, frame.label_space, alpha)
        return image_message(_header(frame), pixels, 'rgb8')


def _confidence(frame: Frame) -> Image:
    return image_message(_header(frame), frame.result.confidence, 'mono8')


def _color(frame: Frame) -> Image:
    return image_message(_header(frame), colorize(frame.result.labels, frame.label_space), 'rgb8')


def _organized(frame: Frame) -> PointCloud2:
    if frame.depth is None:
        raise MmsegError('No depth image in the frame.')
    cloud = frame.organized_points()
    return cloud_message(_header(frame), cloud.points, cloud.height, cloud.width)


def _projection(frame: Frame) -> Image:
    if frame.lidar is None:
        raise MmsegError('No LiDAR cloud in the frame.')
    return image_message(_header(frame), frame.projection_image(), 'rgb8')


def _header(frame: Frame) -> Any:
    return header_of(frame.result.stamp_ns, frame.result.frame_id)


def _label_info(node: LifecycleNode, label_space: LabelSpace) -> tuple[Any, Any]:
    """Return (publisher, message): vision_msgs/LabelInfo, or JSON where it is not installed."""
    try:
        vision_msgs = importlib.import_module('vision_msgs.msg')
    except ImportError:
        text = json.dumps(label_space.to_dict())
        publisher = node.create_lifecycle_publisher(
            String,
            '~/label_info_json',
            latched_qos(),
            event_callbacks=NO_EVENTS,
            qos_overriding_options=output_options(),
        )
        return publisher, String(data=text)
    message = vision_msgs.LabelInfo(threshold=0.0)
    message.class_map = [
        vision_msgs.VisionClass(class_id=int(c.id), class_name=c.name) for c in label_space.classes
    ]
    publisher = node.create_lifecycle_publisher(
        vision_msgs.LabelInfo,
        '~/label_info',
        latched_qos(),
        event_callbacks=NO_EVENTS,
        qos_overriding_options=output_options(),
    )
    return publisher, message
