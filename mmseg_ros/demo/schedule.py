"""Which sensor is silent when."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import STANDARD_MODALITIES, Modality

MIN_DURATION_S = 5.0
_FIRST_DROP = 0.26
_DROP = 0.13
_PAUSE = 0.035


@dataclass(frozen=True, slots=True)
class Outage:
    """One sensor's silence, from `start_s` to `stop_s` of the sequence."""

    modality: Modality
    start_s: float
    stop_s: float

    @property
    def middle_s(self) -> float:
        """Return the middle of the silence in seconds of the sequence."""
        return (self.start_s + self.stop_s) / 2

    def argument(self) -> str:
        """Return it as an argument of `mmseg_ros play --drop`."""
        return f'{self.modality}@{self.start_s:.2f}-{self.stop_s:.2f}'


def outages(duration_s: float) -> list[Outage]:
    """Return one outage per sensor, one after another, with all sensors back in between.

    Raises:
        ConfigError: The sequence is too short.
    """
    if duration_s < MIN_DURATION_S:
        raise ConfigError(
            f'The demo needs a sequence of at least {MIN_DURATION_S:g} s to drop every sensor, '
            f'but got {duration_s:g} s.'
        )
    found = []
    for i, modality in enumerate(STANDARD_MODALITIES):
        start_s = duration_s * (_FIRST_DROP + i * (_DROP + _PAUSE))
        found.append(Outage(modality, round(start_s, 2), round(start_s + duration_s * _DROP, 2)))
    return found
