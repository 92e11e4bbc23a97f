"""Samples that arrive in time and yet hold nothing usable."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ros.core.types import CloudData, Modality, SensorSample


class ContentMonitor:
    """Looks into every sample, at a cost that does not grow with its size."""

    def __init__(self, modalities: Sequence[Modality]) -> None:
        self._modalities = tuple(modalities)

    def check(self, sample: SensorSample) -> str | None:
        """Return what is wrong with the content, or None."""
        payload = sample.payload
        if isinstance(payload, CloudData) and not len(payload.points):
            return 'the cloud is empty'
        return None
