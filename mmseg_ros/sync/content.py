"""Samples that arrive in time and yet hold nothing usable."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import (
    CloudData,
    DepthData,
    EventData,
    ImageData,
    Modality,
    SensorSample,
)
from mmseg_ros.core.unexpected import reason_of

FROZEN_AFTER = 3
"""Identical samples in a row after which a sensor counts as frozen."""
FLOOD_PER_PIXEL_S = 250.0
"""Events per pixel and second above which a stream is flicker or a defect, not a scene."""
_PROBES_PER_SIDE = 48
_BLACK = 3
_WHITE = 252
_FEW = 0.005


@dataclass(slots=True)
class _Freeze:
    """How often one sensor repeated itself, and how often others had changed when it began to."""

    fingerprint: int
    repeats: int = 0
    moved_before: int = 0


class ContentMonitor:
    """Looks into samples at a few thousand places, so the cost does not grow with their size.

    A frozen sensor is told from a scene that stands still by the others: identical samples are a
    fault only if another sensor's content changed meanwhile. Without another to ask they are none.
    """

    def __init__(self) -> None:
        self._freezes: dict[Modality, _Freeze] = {}
        self._moved = 0

    def check(self, sample: SensorSample) -> str | None:
        """Return what is wrong with the content of a sample, as a clause, or None."""
        try:
            return self._fault(sample)
        except Exception as error:  # whatever a sample holds, it costs no more than itself
            return reason_of(error, 'looking at')

    def _fault(self, sample: SensorSample) -> str | None:
        payload = sample.payload
        if isinstance(payload, ImageData):
            probes = _probe_image(payload.pixels)
            return _image_fault(probes) or self._frozen(sample.modality, probes)
        if isinstance(payload, DepthData):
            probes = _probe_image(payload.depth_m)
            if not np.isfinite(probes).any() and not np.isfinite(payload.depth_m).any():
                return 'the depth image holds no measurement'
            return self._frozen(sample.modality, probes)
        if isinstance(payload, CloudData):
            return _cloud_fault(payload) or self._frozen(
                sample.modality, _probe_points(payload.points)
            )
        if isinstance(payload, EventData):
            return _event_fault(payload)
        return None

    def _frozen(self, modality: Modality, probes: NDArray[Any]) -> str | None:
        fingerprint = zlib.crc32(np.ascontiguousarray(probes).view(np.uint8).data)
        freeze = self._freezes.get(modality)
        if freeze is None or fingerprint != freeze.fingerprint:
            self._moved += freeze is not None
            self._freezes[modality] = _Freeze(fingerprint)
            return None
        freeze.repeats += 1
        if freeze.repeats == 1:
            freeze.moved_before = self._moved
        if freeze.repeats < FROZEN_AFTER:
            return None
        if self._moved == freeze.moved_before:
            return None
        return f'the content has not changed for {freeze.repeats} samples'


def _probe_image(pixels: NDArray[Any]) -> NDArray[Any]:
    rows = max(1, pixels.shape[0] // _PROBES_PER_SIDE)
    columns = max(1, pixels.shape[1] // _PROBES_PER_SIDE)
    return np.ascontiguousarray(pixels[::rows, ::columns])


def _probe_points(points: NDArray[Any]) -> NDArray[Any]:
    return points[:: max(1, len(points) // _PROBES_PER_SIDE**2)]


def _image_fault(probes: NDArray[Any]) -> str | None:
    if probes.size == 0:
        return 'the image is empty'
    if probes.dtype != np.uint8:
        if np.issubdtype(probes.dtype, np.floating) and not np.isfinite(probes).any():
            return 'the image holds no finite value'
        return None
    few = _FEW * probes.size
    if np.count_nonzero(probes > _BLACK) <= few:
        return 'the image is black'
    if np.count_nonzero(probes < _WHITE) <= few:
        return 'the image is blown out'
    return None


def _cloud_fault(cloud: CloudData) -> str | None:
    points = cloud.points
    if len(points) == 0:
        return 'the cloud is empty'
    if not np.isfinite(_probe_points(points)['x']).any() and not np.isfinite(points['x']).any():
        return 'the cloud holds no finite point'
    return None


def _event_fault(events: EventData) -> str | None:
    count = len(events.x)
    pixels = max(1, events.width * events.height)
    if count <= pixels // 10:
        return None
    duration_s = max(1e-3, float(events.stamp_ns[-1] - events.stamp_ns[0]) / 1e9)
    per_pixel_s = count / pixels / duration_s
    if per_pixel_s <= FLOOD_PER_PIXEL_S:
        return None
    return f'the event stream floods with {per_pixel_s:.0f} events per pixel and second'
