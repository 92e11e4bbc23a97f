"""Samples as failing or disturbed sensors give them; equal seeds disturb equally."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, Payload, SensorSample

_BLUR_SHARE = 0.04
_DARK_GAIN = 0.15
_BRIGHT_GAIN = 4.0
EVENT_BLOCK_PX = 4
JITTER_DEG = 0.8

Effect: TypeAlias = Callable[[Payload, float, np.random.Generator], Payload]


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way in which the content of samples gets worse.

    Attributes:
        kind: One of DEGRADATIONS.
        amount: Of `noise`: standard deviation as a share of full scale (images) or of the distance
            (depth, LiDAR), or share of the events that are elsewhere. Others do not use it.
        seed: Of the noise.
    """

    kind: str
    amount: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in DEGRADATIONS:
            raise ConfigError(
                f'There is no degradation {self.kind!r}; there are: {", ".join(DEGRADATIONS)}.'
            )

    def apply(self, sample: SensorSample) -> SensorSample:
        """Return a degraded copy; a payload that the kind does not concern stays as it is."""
        name = zlib.crc32(sample.modality.encode())
        rng = np.random.default_rng([self.seed, name, sample.stamp_ns % (1 << 63)])
        payload = DEGRADATIONS[self.kind](sample.payload, self.amount, rng)
        return replace(sample, payload=payload)


def _noise(payload: Payload, amount: float, rng: np.random.Generator) -> Payload:
    if isinstance(payload, ImageData):
        pixels = payload.pixels
        full = np.iinfo(pixels.dtype).max if pixels.dtype.kind == 'u' else float(np.nanmax(pixels))
        noise = rng.normal(0.0, amount * full, pixels.shape).astype(np.float32)
        return ImageData(_like(pixels, pixels + noise))
    if isinstance(payload, DepthData):
        factor = 1 + rng.normal(0.0, amount, payload.depth_m.shape).astype(np.float32)
        return DepthData(payload.depth_m * np.maximum(factor, 0.0))
    if isinstance(payload, CloudData):
        points = payload.points.copy()
        stretch = 1 + rng.normal(0.0, amount, points.shape[0])
        for name in 'xyz':
            points[name] = points[name] * stretch
        return replace(payload, points=points)
    hit = rng.random(len(payload.x)) < amount
    x, y = payload.x.copy(), payload.y.copy()
    x[hit] = rng.integers(0, max(payload.width, 1), int(hit.sum()))
    y[hit] = rng.integers(0, max(payload.height, 1), int(hit.sum()))
    return replace(payload, x=x, y=y)


def _blur(payload: Payload, amount: float, rng: np.random.Generator) -> Payload:
    """Smear an image sideways, as in a fast turn."""
    if not isinstance(payload, ImageData):
        return payload
    width = max(round(payload.pixels.shape[1] * _BLUR_SHARE), 2)
    return ImageData(_like(payload.pixels, cv2.blur(payload.pixels, (width, 1))))


def _gain(factor: float) -> Effect:
    def effect(payload: Payload, amount: float, rng: np.random.Generator) -> Payload:
        if not isinstance(payload, ImageData):
            return payload
        return ImageData(_like(payload.pixels, payload.pixels.astype(np.float32) * factor))

    return effect


def _jitter(payload: Payload, amount: float, rng: np.random.Generator) -> Payload:
    """Turn every shot of a LiDAR by a small angle of its own, sideways and up; ranges stay."""
    if not isinstance(payload, CloudData):
        return payload
    points = payload.points.copy()
    xyz = payload.xyz().astype(np.float64)
    flat, distance = np.hypot(xyz[:, 0], xyz[:, 1]), np.linalg.norm(xyz, axis=1)
    sideways, up = rng.normal(0.0, np.deg2rad(JITTER_DEG), (2, len(xyz)))
    azimuth = np.arctan2(xyz[:, 1], xyz[:, 0]) + sideways
    elevation = np.arctan2(xyz[:, 2], flat) + up
    points['x'] = distance * np.cos(elevation) * np.cos(azimuth)
    points['y'] = distance * np.cos(elevation) * np.sin(azimuth)
    points['z'] = distance * np.sin(elevation)
    return replace(payload, points=points)


def _coarse_events(payload: Payload, amount: float, rng: np.random.Generator) -> Payload:
    """Move events to the first pixel of their block: a sensor of lower resolution."""
    if not isinstance(payload, EventData):
        return payload
    block = EVENT_BLOCK_PX
    return replace(payload, x=payload.x // block * block, y=payload.y // block * block)


def _like(pixels: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Return values in the type of `pixels`, clipped to what it holds."""
    if pixels.dtype.kind != 'u':
        return values.astype(pixels.dtype)
    return np.clip(np.round(values), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)


DEGRADATIONS: MappingProxyType[str, Effect] = MappingProxyType(
    {
        'noise': _noise,
        'motion_blur': _blur,
        'under_exposure': _gain(_DARK_GAIN),
        'over_exposure': _gain(_BRIGHT_GAIN),
        'lidar_jitter': _jitter,
        'low_event_resolution': _coarse_events,
    }
)
