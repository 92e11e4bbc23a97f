"""Clouds of several LiDARs on one topic, told apart by their frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import CloudData, Modality, SensorSample

Join = Callable[[str, str], NDArray[np.float64] | None]
"""Called with target and source frame; returns the 4 x 4 transform, None if nothing joins them."""

_RENAMED_AFTER = 10


class CloudFrames:
    """Brings every cloud of a sensor into the frame of its first one.

    Two LiDARs that share a topic keep a pose each: the clouds of the second are moved into the
    frame of the first. Without a transform between them they are rejected by name, unless the
    first frame falls silent: then the sensor was renamed.
    """

    def __init__(self, join: Join) -> None:
        """Start without any sensor.

        Args:
            join: Where transforms between frames come from.
        """
        self._join = join
        self._main: dict[Modality, str] = {}
        self._others_in_a_row: dict[Modality, int] = {}

    def main_frame(self, modality: Modality, frame_id: str) -> str:
        """Return the frame that a sensor's clouds come out in; any other sensor's own frame."""
        return self._main.get(modality, frame_id)

    def unified(self, sample: SensorSample) -> SensorSample:
        """Return a sample, a cloud in the main frame of its sensor.

        Raises:
            SampleError: The cloud is in another frame that no transform joins to the main one.
        """
        cloud, modality = sample.payload, sample.modality
        if not isinstance(cloud, CloudData):
            return sample
        main = self._main.setdefault(modality, sample.frame_id)
        if sample.frame_id == main:
            self._others_in_a_row[modality] = 0
            return sample
        T_main_other = self._join(main, sample.frame_id)
        if T_main_other is not None:
            return replace(sample, frame_id=main, payload=_moved(cloud, T_main_other))
        in_a_row = self._others_in_a_row.get(modality, 0) + 1
        self._others_in_a_row[modality] = in_a_row
        if in_a_row >= _RENAMED_AFTER:
            self._main[modality] = sample.frame_id
        raise SampleError(
            f'The cloud is in frame {sample.frame_id!r}, earlier ones of {modality!r} are in '
            f'{main!r}, and no transform joins the two: publish both poses on /tf_static, or give '
            'each LiDAR a topic of its own.'
        )


def _moved(cloud: CloudData, T: NDArray[np.float64]) -> CloudData:
    points = cloud.points.copy()
    xyz = np.stack([points[name].astype(np.float64) for name in 'xyz'], axis=-1)
    xyz = xyz @ T[:3, :3].T + T[:3, 3]
    for column, name in enumerate('xyz'):
        points[name] = xyz[:, column]
    return replace(cloud, points=points)
