"""Training frames as the live system has them: held scans, and sensors that are a little off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, Modality
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.encoding.hha import SATURATED_BELOW_M as HHA_NEAREST_M
from mmseg_ros.encoding.inverse_depth import SATURATED_BELOW_M as INVERSE_NEAREST_M
from mmseg_ros.encoding.range_intensity_height import FARTHEST_M

_HELD_KINDS = (DEPTH, LIDAR)
_MOUNTED_KINDS = (DEPTH, EVENT, LIDAR)

Distance = Callable[[NDArray[Any]], NDArray[Any]]

DISTANCES: Mapping[str, Distance] = {
    'hha': lambda code: 255.0 * HHA_NEAREST_M / code,
    'inverse_depth': lambda code: INVERSE_NEAREST_M * (255.0 / code) ** 2,
    'range_intensity_height': lambda code: FARTHEST_M * (1.0 - (code - 1.0) / 254.0),
}
"""Meters from the first channel (1..255) of an encoding; planes of others do not age."""


@dataclass(frozen=True, slots=True)
class LiveTiming:
    """Ages and small misalignments of the planes of a frame, drawn at random.

    A scan or depth image that is held was measured `age * speed` meters before the camera image,
    without odometry to move it: what it shows lies closer to the middle of the image, near things
    most. Misaligned is a sensor whose calibration is a little wrong, or whose stamp is while the
    vehicle turns: its plane is shifted and turned as a whole. The camera and the labels stay.

    Attributes:
        age_probability: Chance of each LiDAR and depth plane to be held.
        age_max_s: Ages are drawn from 0 to this.
        speed_max_mps: Speeds are drawn from 0 to this, one per frame.
        misalign_probability: Chance of each depth, event and LiDAR plane to be off.
        misalign_px: Largest shift per axis, in pixels of the frame.
        misalign_deg: Largest turn around the middle of the image.
        encodings: Encoding of each modality.
    """

    age_probability: float = 0.0
    age_max_s: float = 0.1
    speed_max_mps: float = 15.0
    misalign_probability: float = 0.0
    misalign_px: float = 2.0
    misalign_deg: float = 0.5
    encodings: Mapping[Modality, str] = field(default_factory=dict)

    @property
    def is_off(self) -> bool:
        """Return whether every plane stays as it is."""
        return self.age_probability == 0.0 and self.misalign_probability == 0.0

    def __call__(self, frame: LabelledFrame, rng: np.random.Generator) -> LabelledFrame:
        """Return the frame with aged and misaligned planes; all randomness comes from `rng`."""
        if self.is_off:
            return frame
        images = frame.images.copy()
        speed_mps = rng.uniform(0.0, self.speed_max_mps)
        for i, name in enumerate(frame.modalities):
            # As many numbers for every plane, whatever they decide.
            held, off = rng.random(2)
            travel_m = speed_mps * rng.uniform(0.0, self.age_max_s)
            shift = rng.uniform(-self.misalign_px, self.misalign_px, 2)
            turn_deg = rng.uniform(-self.misalign_deg, self.misalign_deg)
            kind = kind_of(name)
            if kind in _HELD_KINDS and held < self.age_probability:
                images[i] = aged(images[i], self.encodings.get(name, ''), travel_m)
            if kind in _MOUNTED_KINDS and off < self.misalign_probability:
                images[i] = misaligned(images[i], (float(shift[0]), float(shift[1])), turn_deg)
        return replace(frame, images=images)


def aged(plane: NDArray[np.uint8], encoding: str, travel_m: float) -> NDArray[np.uint8]:
    """Return a plane as it was measured `travel_m` meters before, driving straight ahead.

    Every measured pixel moves towards the middle of the image, by its distance; where two meet,
    the nearer one stays. Values stay: they change by less than the sensors' noise.

    Args:
        plane: H x W x 3 uint8, 0 where nothing was measured.
        encoding: What its values mean; a plane of an encoding without distances stays as it is.
        travel_m: Meters, 0 or more.
    """
    distance = DISTANCES.get(encoding)
    v, u = np.nonzero(plane[..., 0])
    if distance is None or travel_m <= 0.0 or not len(v):
        return plane
    meters = np.maximum(distance(plane[v, u, 0].astype(np.float64)), 0.1)
    closer = meters / (meters + travel_m)
    rows, columns = plane.shape[:2]
    row = np.rint((v - (rows - 1) / 2) * closer + (rows - 1) / 2).astype(np.int64)
    column = np.rint((u - (columns - 1) / 2) * closer + (columns - 1) / 2).astype(np.int64)
    far_first = np.argsort(-meters, kind='stable')
    moved = np.zeros_like(plane)
    moved[row[far_first], column[far_first]] = plane[v[far_first], u[far_first]]
    return moved


def misaligned(
    plane: NDArray[np.uint8], shift_px: tuple[float, float], turn_deg: float
) -> NDArray[np.uint8]:
    """Return a plane shifted and turned around its middle, nearest pixels, 0 from outside.

    Args:
        plane: H x W x 3 uint8.
        shift_px: Columns to the right and rows down.
        turn_deg: Counterclockwise.
    """
    rows, columns = plane.shape[:2]
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), turn_deg, 1.0)
    matrix[:, 2] += np.asarray(shift_px)
    moved = cv2.warpAffine(plane, matrix, (columns, rows), flags=cv2.INTER_NEAREST)
    return np.asarray(moved, np.uint8)
