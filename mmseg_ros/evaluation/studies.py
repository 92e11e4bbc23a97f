"""What is looked at beyond the scores: distance, size and flicker."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import DEPTH, AlignedFrame, CloudData, SensorSample
from mmseg_ros.evaluation.flicker import Flicker
from mmseg_ros.labelling.objects import object_sizes
from mmseg_ros.metrics.strata import distance_strata, size_strata
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.fit import Fit
from mmseg_ros.projection.odometry import Odometry


class Studies:
    """Studies of the frames as they were recorded."""

    def __init__(self, label_space: LabelSpace, rig: Rig, aspect: str) -> None:
        """Start with nothing seen.

        Args:
            label_space: The classes.
            rig: Where the sensors are.
            aspect: How the images lie on the network's input, see `Fit.of`.
        """
        self._rig = rig
        self._aspect = aspect
        self._ignore_id = label_space.ignore_id
        self._near_pixels = distance_strata(label_space)
        self._near_points = distance_strata(label_space)
        self._sizes = size_strata(label_space)
        self._flicker = Flicker(label_space.ignore_id)

    def image(self, labels: NDArray[Any], truth: NDArray[Any], aligned: AlignedFrame) -> None:
        """Take the labels of an image.

        Args:
            labels: H x W class ids, at the size of the truth.
            truth: H x W true class ids.
            aligned: The planes that went in; the depth plane tells the distance.
        """
        self._sizes.update(labels, truth, object_sizes(truth, self._ignore_id))
        depth = aligned.planes.get(DEPTH)
        if depth is None:
            return
        meters = np.where(depth.valid, depth.values.reshape(depth.valid.shape), np.nan)
        size = truth.shape[0], truth.shape[1]
        fit = Fit.of(size, (aligned.height, aligned.width), self._aspect)
        self._near_pixels.update(labels, truth, fit.restore(meters, np.nan))

    def cloud(
        self,
        sample: SensorSample,
        labels: NDArray[Any],
        truth: NDArray[Any] | None,
        odometry: Odometry | None,
    ) -> None:
        """Take the labels of a cloud's points.

        Args:
            sample: The cloud.
            labels: N class ids, the ignored id where the camera does not see the point.
            truth: N true class ids, where they are known.
            odometry: The motion of the vehicle.
        """
        if not isinstance(sample.payload, CloudData):
            return
        seen = np.flatnonzero(labels != self._ignore_id)
        points, labels = sample.payload.points[seen], labels[seen]
        truth = None if truth is None else truth[seen]
        xyz = [points[name].astype(np.float32, copy=False) for name in 'xyz']
        if truth is not None:
            x, y, z = xyz
            self._near_points.update(labels, truth, np.sqrt(x * x + y * y + z * z))
        T = self._T_fixed(sample, odometry)
        if T is not None:
            fixed = np.stack(xyz, axis=-1) @ T[:3, :3].T + T[:3, 3]
            self._flicker.add(sample.stamp_ns, fixed, labels, truth)

    def _T_fixed(  # noqa: N802
        self, sample: SensorSample, odometry: Odometry | None
    ) -> NDArray[np.float64] | None:
        """Return the pose of the sensor in a fixed frame; None where the motion is unknown."""
        if odometry is None or not odometry.is_known:
            return None
        try:
            base = odometry.pose(sample.stamp_ns)
            return np.asarray(base @ self._rig.T_base(sample.modality), np.float64)
        except CalibrationError:
            return None

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            'distance_pixels': self._near_pixels.plain(),
            'distance_points': self._near_points.plain(),
            'object_size': self._sizes.plain(),
            'flicker': self._flicker.plain(),
        }
