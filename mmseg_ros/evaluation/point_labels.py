"""The labels of a cloud's points, as the node gives them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import FrameSet, SegmentationResult, SensorSample
from mmseg_ros.labelling.points import transfer_labels
from mmseg_ros.projection.frame_geometry import FrameGeometry
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
