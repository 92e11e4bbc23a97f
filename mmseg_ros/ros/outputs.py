"""The node's result topics; an output nobody subscribes to is not computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image, PointCloud2

from mmseg_ros.core.config import OutputConfig
from mmseg_ros.core.ground_config import GroundConfig
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import CloudData, FrameSet
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.labelling.frame import Frame
from mmseg_ros.messages.results import ImageContent, Results, ResultTopic, Surface
from mmseg_ros.ros.conversions import cloud_message, header_of, image_message
from mmseg_ros.ros.ground_output import TOPIC, GroundOutput
from mmseg_ros.ros.label_info import LabelInfoPublisher
from mmseg_ros.ros.result_publisher import ResultPublisher

Build = Callable[[Frame], Any]


@dataclass(frozen=True, slots=True)
class _Output:
    topic: str
    message_class: Any
    build: Build
    compression: str = ''
    surface: Surface = Surface.NEVER


class Outputs:
    """Publishers of results and of the label names.

    Attributes:
        paused: Per topic, why it could not be published from the last frame; empty text if it was.
    """

    def __init__(
        self,
        node: LifecycleNode,
        config: OutputConfig,
        ground: GroundConfig,
        modalities: Callable[[Frame], DiagnosticArray],
    ) -> None:
        """Create the publishers.

        Args:
            node: Owner; nothing is sent while it is inactive.
            config: Initial output parameters.
            ground: Initial parameters of ~/ground.
            modalities: Makes the message of ~/modalities.
        """
        self.paused: dict[str, str] = {}
        self._node = node
        self._results = Results(config)
        self._outputs = (
            *(
                _Output(
                    topic.name,
                    PointCloud2 if topic.is_cloud else Image,
                    _message_builder(topic),
                    topic.compression,
                    topic.surface,
                )
                for topic in self._results.topics
            ),
            _Output('~/modalities', DiagnosticArray, modalities),
        )
        self._ground = GroundOutput(ground) if ground.enabled else None
        if self._ground is not None:
            made = _Output(
                TOPIC,
                self._ground.message_class,
                self._ground.message,
                surface=Surface.PER_SCAN,
            )
            self._outputs = (*self._outputs, made)
        self._publishers = {
            output.topic: ResultPublisher(
                node, output.topic, output.message_class, output.compression
            )
            for output in self._outputs
        }
        self._label_info = LabelInfoPublisher(node)
        self._prepared_scan_ns: int | None = None

    @property
    def config(self) -> OutputConfig:
        """Return the live-tunable output parameters."""
        return self._results.config

    def tune(self, config: OutputConfig, ground: GroundConfig) -> None:
        """Take over live parameters, from the next frame on."""
        self._results.config = config
        if self._ground is not None:
            self._ground.config = ground

    def publish_label_info(self, label_space: LabelSpace) -> None:
        """Send the latched names of the classes of the next results; the node must be active."""
        self._label_info.publish(label_space)

    def wanted(self) -> bool:
        """Return whether anybody subscribes to any result."""
        return any(publisher.wanted() for publisher in self._publishers.values())

    def need_surface(self, frame_set: FrameSet) -> bool:
        """Return whether outputs of a frame will ask for the depth image at the labels' size.

        Called once per frame, in their order, by the thread that prepares them.
        """
        clouds = [s for s in frame_set.samples.values() if isinstance(s.payload, CloudData)]
        scan_ns = clouds[0].stamp_ns if clouds else None
        is_new_scan, self._prepared_scan_ns = scan_ns != self._prepared_scan_ns, scan_ns
        needed = {Surface.PER_FRAME, Surface.PER_SCAN} if is_new_scan else {Surface.PER_FRAME}
        return any(
            self._publishers[output.topic].wanted()
            for output in self._outputs
            if output.surface in needed
        )

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
        self._label_info.close()


def _message_builder(topic: ResultTopic) -> Build:
    """Return what makes the message of a result topic from a frame."""

    def build(frame: Frame) -> Any:
        content = topic.build(frame)
        if content is None:
            return None
        header = header_of(content.stamp_ns, content.frame_id)
        if isinstance(content, ImageContent):
            return image_message(header, content.pixels, content.encoding)
        return cloud_message(header, content.points, content.height, content.width)

    return build
