"""Extrinsics from /tf_static, where tf2_msgs is installed and no calibration file is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.modalities import BASE_FRAME_ID, TF_STATIC_TOPIC
from mmseg_ros.core.types import Modality
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.ros.calibration import Calibration
from mmseg_ros.ros.qos import NO_INPUT_EVENTS, latched_qos
from mmseg_ros.ros.tools.message_types import message_class_of

_DEPTH = 100


class StaticFrames:
    """Gives sensors their pose as soon as both their frame and its transform are known.

    Attributes:
        problem: Why there are no poses, with the remedy; else empty.
    """

    def __init__(self, node: Node, calibration: Calibration, warn: Callable[[str], None]) -> None:
        """Subscribe to /tf_static.

        Args:
            node: Owner.
            calibration: Where the poses go.
            warn: Takes one sentence per bad message.
        """
        self.problem = ''
        self._node = node
        self._calibration = calibration
        self._warn = warn
        self._tree = FrameTree()
        self._frames: dict[Modality, str] = {}
        self._subscription: Any = None
        message_class = message_class_of('tf2_msgs/msg/TFMessage')
        if message_class is None:
            self.problem = (
                'No calibration: calibration.file is empty and tf2_msgs is not installed, so '
                f'{TF_STATIC_TOPIC} cannot be read; set calibration.file.'
            )
            warn(self.problem)
            return
        self._subscription = node.create_subscription(
            message_class,
            TF_STATIC_TOPIC,
            self.on_transforms,
            latched_qos(_DEPTH),
            event_callbacks=NO_INPUT_EVENTS,
        )

    def on_transforms(self, message: Any) -> None:
        """Take over the transforms of one message."""
        try:
            self._tree.add(message)
        except Exception as error:  # a message of any content must never end the node
            self._warn(f'{TF_STATIC_TOPIC}: {reason_of(error, "reading")}')
        for modality, frame_id in self._frames.items():
            self._place(modality, frame_id)

    def on_frame(self, modality: Modality, frame_id: str) -> None:
        """Take note of the frame in which a sensor's messages come."""
        if self._frames.get(modality) != frame_id:
            self._frames[modality] = frame_id
            self._place(modality, frame_id)

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def _place(self, modality: Modality, frame_id: str) -> None:
        try:
            T_base_sensor = self._tree.T(BASE_FRAME_ID, frame_id)
            if T_base_sensor is not None:
                self._calibration.place(modality, T_base_sensor)
        except CalibrationError as error:
            self._warn(f'{modality}: {error}')
