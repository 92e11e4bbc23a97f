"""The depth camera: stereo-like noise that grows with range, holes, weather."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.sim.world.mesh import FloatArray
from mmseg_ros.sim.world.weather import Weather

STEPS_PER_M = np.float32(1024.0)
"""The camera measures in steps of 1 mm."""


@dataclass(frozen=True, slots=True)
class DepthModel:
    """How the depth camera errs.

    Attributes:
        max_range_m: Farthest measurable depth. min_range_m: Nearest.
        noise_per_m: Standard deviation at 1 m; it grows with the square of the range.
        hole_share: Share of patches without texture that stay empty.
    """

    max_range_m: float = 80.0
    min_range_m: float = 0.6
    noise_per_m: float = 0.0012
    hole_share: float = 0.02


def measure_depth(
    depth_m: FloatArray,
    gloss: FloatArray,
    model: DepthModel,
    weather: Weather,
    rng: np.random.Generator,
) -> FloatArray:
    """Return H x W float32 measured depth in meters; NaN where nothing was measured.

    Args:
        depth_m: H x W true depth, inf in the sky.
        gloss: H x W, mirror share of the surface.
        model: Errors.
        weather: Fog and rain shorten the range, night empties patches.
        rng: Source of randomness.
    """
    height, width = depth_m.shape
    finite = np.where(np.isfinite(depth_m), depth_m, 0.0).astype(np.float32)
    # A matcher smears along its window: neighbors err alike.
    grain = cv2.resize(
        rng.standard_normal((height // 4 + 1, width // 4 + 1), np.float32), (width, height)
    )
    noise = 0.7 * rng.standard_normal((height, width), np.float32) + grain
    measured = finite + noise * (
        np.float32(model.noise_per_m * (1 + 0.6 * weather.rain)) * finite**2
    )
    patches = cv2.resize(
        rng.random((height // 12 + 1, width // 12 + 1), np.float32), (width, height)
    )
    holes = model.hole_share * (
        1.0 + 3.0 * weather.rain + (2.0 if weather.name == 'night' else 0.0)
    )
    # A matcher loses its texture when the air has taken three quarters of the contrast.
    reach = min(model.max_range_m, 1.3 / max(weather.extinction_per_m, 1e-4))
    lost = (finite <= 0) | (measured < model.min_range_m) | (measured > reach)
    lost |= patches < holes**0.5 * 0.6
    lost |= rng.random((height, width), np.float32) < np.clip(0.9 * gloss, 0.002, 0.6)
    lost |= rng.random((height, width), np.float32) < 0.35 * (measured / reach) ** 4
    lost |= _shadowed(finite)
    steps = np.rint(measured * STEPS_PER_M) / STEPS_PER_M
    return np.where(lost, np.float32(np.nan), steps)


def _shadowed(depth_m: FloatArray) -> NDArray[np.bool_]:
    """Return what one of the two eyes cannot see: a strip left of near edges."""
    disparity = np.where(depth_m > 0, 55.0 / np.maximum(depth_m, 0.5), 0.0)
    result = np.zeros(depth_m.shape, bool)
    for shift in (1, 2, 3):
        result[:, :-shift] |= disparity[:, shift:] - disparity[:, :-shift] > shift + 1.0
    return result
