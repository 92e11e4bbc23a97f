"""Poses from /tf_static, and from /tf where a chain needs it, of sensors that no file places."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile

from mmseg_ros.core.errors import CalibrationError, MmsegError
from mmseg_ros.core.modalities import BASE_FRAME_ID, TF_STATIC_TOPIC, TF_TOPIC
from mmseg_ros.core.types import Modality
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.messages.sensor_poses import base_frame, sensor_poses
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.ros.calibration import Calibration
from mmseg_ros.ros.qos import NO_INPUT_EVENTS, latched_qos
from mmseg_ros.ros.raw_transforms import TYPE_NAME, raw_transform_class, read_transforms
from mmseg_ros.ros.tools.message_types import message_class_of

_DEPTH = 100
_MOST_FRAMES_NAMED = 12


class TransformFrames:
    """Gives sensors their pose as soon as both their frame and its transforms are known.

    A pose follows /tf: the newest transform counts, whenever the samples were taken.

    Attributes:
        problem: Why transforms cannot be read at all, with the remedy; else empty.
    """

    def __init__(self, node: Node, calibration: Calibration, warn: Callable[[str], None]) -> None:
        """Subscribe to /tf_static.

        Args:
            node: Owner.
            calibration: Where the poses go.
            warn: Takes one sentence per bad transform.
        """
        self.problem = ''
        self._node = node
        self._calibration = calibration
        self._warn = warn
        self._tree = FrameTree()
        self._frames: dict[Modality, str] = {}
        self._base = ''
        self._subscriptions: dict[str, Any] = {}
        calibration.explain_pose = self.explain
        self._listen(TF_STATIC_TOPIC, latched_qos(_DEPTH))

    def on_transforms(self, topic: str, message: Any) -> None:
        """Take over the transforms of one message (or its bytes), a bad one alone excepted."""
        try:
            message = read_transforms(message) if isinstance(message, bytes) else message
            problems = self._tree.add(message, is_static=topic == TF_STATIC_TOPIC)
        except Exception as error:  # a message of any content must never end the node
            problems = [reason_of(error, 'reading')]
        for problem in problems:
            self._warn(f'{topic}: {problem}')
        self._place()
        self._follow_dynamic()

    def on_frame(self, modality: Modality, frame_id: str) -> None:
        """Take note of the frame in which a sensor's messages come."""
        if self._frames.get(modality) != frame_id:
            self._frames[modality] = frame_id
            self._place()
            self._follow_dynamic()

    def T(self, target: str, source: str) -> NDArray[np.float64] | None:  # noqa: N802
        """Return the 4 x 4 transform from frame `source` into frame `target`; None if unjoined.

        Raises:
            CalibrationError: The transforms hold a loop.
        """
        return self._tree.T(target, source)

    def explain(self, modality: Modality) -> str:
        """Return why a sensor has no pose and what to do."""
        if self.problem:
            return f'No pose of {modality}: {self.problem}'
        if modality not in self._frames:
            return (
                f'No pose of {modality}: none of its messages has come, so its frame is unknown; '
                'start the sensor or set calibration.file.'
            )
        return (
            f'No pose of {modality}: {TF_STATIC_TOPIC} and {TF_TOPIC} do not join its frame '
            f'{self._frames[modality]!r} to {self._base or BASE_FRAME_ID!r} (frames there: '
            f'{self._known()}); '
            'publish the transform or set calibration.file.'
        )

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def _listen(self, topic: str, qos: QoSProfile) -> None:
        """Subscribe to messages of tf2_msgs, or to their bytes where it is not installed."""
        message_class = message_class_of(TYPE_NAME)
        is_raw = message_class is None
        try:
            self._subscriptions[topic] = self._node.create_subscription(
                raw_transform_class() if is_raw else message_class,
                topic,
                partial(self.on_transforms, topic),
                qos,
                event_callbacks=NO_INPUT_EVENTS,
                raw=is_raw,
            )
        except MmsegError as error:
            self.problem = str(error)
            self._warn(self.problem)

    def _place(self) -> None:
        order = sorted(self._frames, key=lambda name: name != self._calibration.rig.reference)
        frames = {name: self._frames[name] for name in order}
        optical = [name for name in frames if self._calibration.is_optical(name)]
        try:
            self._base = base_frame(self._tree, list(frames.values()))
            self._calibration.place(sensor_poses(self._tree, frames, optical))
        except CalibrationError as error:
            self._warn(str(error))

    def _follow_dynamic(self) -> None:
        """Read /tf, which may be busy, only as long as the pose of a sensor hangs on it."""
        needed = any(
            self._tree.is_static(self._base or BASE_FRAME_ID, frame) is not True
            for frame in self._frames.values()
        )
        if needed and TF_TOPIC not in self._subscriptions and not self.problem:
            self._listen(TF_TOPIC, QoSProfile(depth=_DEPTH))
        elif not needed and TF_TOPIC in self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop(TF_TOPIC))

    def _known(self) -> str:
        frames = self._tree.frames()
        more = ', ...' if len(frames) > _MOST_FRAMES_NAMED else ''
        return ', '.join(frames[:_MOST_FRAMES_NAMED]) + more if frames else 'none'
