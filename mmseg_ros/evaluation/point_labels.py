"""The labels of a cloud's points, as the node gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import LIDAR, CloudData, FrameSet, SegmentationResult, SensorSample
from mmseg_ros.labelling.points import transfer_labels
from mmseg_ros.projection.frame_geometry import FrameGeometry
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.seen import seen_points


def point_labels(
    result: SegmentationResult,
    cloud: SensorSample,
    frame_set: FrameSet,
    geometry: FrameGeometry,
    ignore_id: int,
) -> NDArray[Any] | None:
    """Return N labels of a cloud's points, `ignore_id` where the camera cannot see them.

    As in the node: points are moved to the time of the frame, and hidden ones are found with the
    depth image of the frame. Returns None where the rig lacks the calibration for it.
    """
    try:
        camera = geometry.camera(result.labels.shape)
        projection = seen_points(cloud, frame_set, geometry, camera)
    except CalibrationError:
        return None
    labels: NDArray[Any] = transfer_labels(
        result.labels, result.confidence, projection, ignore_id
    )[0]
    return labels


def geometry_for(
    cloud: SensorSample | None,
    frame_set: FrameSet,
    aligned: FrameGeometry,
    odometry: Odometry | None,
) -> FrameGeometry:
    """Return the geometry of a frame that may move a cloud.

    Args:
        cloud: The one with true labels, if there is one.
        frame_set: The frame.
        aligned: What its alignment has computed: that serves if `cloud` has the points of the
            frame's own cloud, which are moved already.
        odometry: The motion of the vehicle as far as it was known then.
    """
    own = frame_set.samples.get(LIDAR)
    if cloud is None or (own is not None and _are_same(own, cloud)):
        return aligned
    return FrameGeometry(aligned.rig, frame_set.stamp_ns, odometry)


def _are_same(a: SensorSample, b: SensorSample) -> bool:
    """Return whether two clouds hold the same points at the same times."""
    one, other = a.payload, b.payload
    if not (isinstance(one, CloudData) and isinstance(other, CloudData)):
        return False
    if a.stamp_ns != b.stamp_ns or len(one.points) != len(other.points):
        return False
    stamps = one.point_stamp_ns, other.point_stamp_ns
    if stamps[0] is None or stamps[1] is None:
        has_same_stamps = stamps[0] is stamps[1]
    else:
        has_same_stamps = np.array_equal(stamps[0], stamps[1])
    return has_same_stamps and all(
        np.array_equal(one.points[name], other.points[name]) for name in 'xyz'
    )
