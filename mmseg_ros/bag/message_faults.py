"""Faulty copies of single ROS messages (duck-typed: rclpy and rosbags objects alike)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmseg_ros.projection.transforms import (
    quaternion_from_rotation,
    rotation,
    rotation_from_quaternion,
)


def shifted(message: Any, shift_ns: int) -> Any:
    """Return the message with a header stamp that is `shift_ns` later; without header, itself."""
    if not hasattr(message, 'header'):
        return message
    faulty = copy.copy(message)
    faulty.header = copy.copy(message.header)
    faulty.header.stamp = copy.copy(message.header.stamp)
    stamp = faulty.header.stamp
    total_ns = int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec) + shift_ns
    stamp.sec, stamp.nanosec = divmod(max(total_ns, 0), 1_000_000_000)
    return faulty


def misnamed(message: Any, encoding: str) -> Any:
    """Return an image with another encoding, or a cloud whose first field has another name."""
    faulty = copy.copy(message)
    if hasattr(message, 'encoding'):
        faulty.encoding = encoding
    elif getattr(message, 'fields', None):
        faulty.fields = [copy.copy(item) for item in message.fields]
        faulty.fields[0].name = encoding
    return faulty


def miscalibrated(
    message: Any,
    frame_id: str,
    rotation_deg: Sequence[float],
    translation_m: Sequence[float],
    focal_scale: float,
) -> Any:
    """Return a TFMessage with disturbed transforms, or a CameraInfo with other focal lengths.

    Args:
        message: tf2_msgs/TFMessage or sensor_msgs/CameraInfo; anything else comes back as it is.
        frame_id: Child frame of the transform to disturb; empty for all.
        rotation_deg: Roll, pitch, yaw in the parent frame.
        translation_m: Shift in the parent frame.
        focal_scale: Factor on fx and fy.
    """
    faulty = copy.copy(message)
    if hasattr(message, 'transforms'):
        faulty.transforms = [
            _disturbed(item, rotation_deg, translation_m)
            if frame_id in ('', item.child_frame_id)
            else item
            for item in message.transforms
        ]
    elif hasattr(message, 'k') and hasattr(message, 'p'):
        for name, places in (('k', (0, 4)), ('p', (0, 5))):
            values = np.array(getattr(message, name), np.float64)
            values[list(places)] *= focal_scale
            setattr(faulty, name, values)
    return faulty


def _disturbed(item: Any, rotation_deg: Sequence[float], translation_m: Sequence[float]) -> Any:
    faulty = copy.copy(item)
    faulty.transform = copy.copy(item.transform)
    turn, move = copy.copy(item.transform.rotation), copy.copy(item.transform.translation)
    disturbance = np.eye(3)
    for axis, angle in zip('xyz', rotation_deg, strict=True):
        disturbance = rotation(axis, np.deg2rad(angle))[:3, :3] @ disturbance
    R = disturbance @ rotation_from_quaternion([turn.x, turn.y, turn.z, turn.w])
    turn.x, turn.y, turn.z, turn.w = (float(value) for value in quaternion_from_rotation(R))
    for axis, shift in zip('xyz', translation_m, strict=True):
        setattr(move, axis, float(getattr(move, axis)) + shift)
    faulty.transform.rotation, faulty.transform.translation = turn, move
    return faulty
