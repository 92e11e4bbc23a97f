"""What a robustness sweep does to the sensors, one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mmseg_ros.bag.faults import Fault
from mmseg_ros.core.types import EVENT, LIDAR, RGB, Modality
from mmseg_ros.evaluation.degradations import Degradation
from mmseg_ros.evaluation.disturbance import Disturbance

Disturb = Callable[[Modality, str, float], Disturbance]


@dataclass(frozen=True, slots=True)
class Case:
    """One fault of one sensor.

    Attributes:
        fault: Its kind. level: How strong, with unit; '' where there is one strength.
        sensor: Who has it.
        disturbance: What it does.
    """

    fault: str
    level: str
    sensor: Modality
    disturbance: Disturbance

    @property
    def name(self) -> str:
        """Return what tells it from all others, fit for a file name."""
        return '_'.join(part for part in (self.fault, self.level, self.sensor) if part).replace(
            ' ', ''
        )


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of fault with its strengths.

    Attributes:
        unit: Of the strengths.
        levels: Strengths of a full sweep. quick: The one of a quick sweep.
        disturb: Makes it, from the sensor, its topic and the strength.
        text: What it does, for the report.
    """

    unit: str
    levels: Sequence[float]
    quick: float
    disturb: Disturb
    text: str


def _late(name: Modality, topic: str, seconds: float) -> Disturbance:
    return Disturbance(name, (Fault(kind='delay', topic=topic, delay_s=seconds),))


def _wrong_clock(name: Modality, topic: str, seconds: float) -> Disturbance:
    return Disturbance(name, (Fault(kind='clock_offset', topic=topic, offset_s=seconds),))


def _rare(name: Modality, topic: str, keep_every: float) -> Disturbance:
    return Disturbance(name, (Fault(kind='rate_cut', topic=topic, keep_every=int(keep_every)),))


def _noisy(name: Modality, topic: str, amount: float) -> Disturbance:
    return Disturbance(name, degradation=Degradation('noise', amount))


_BAG_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        'delay': _Kind(
            's', (0.05, 0.2, 0.5), 0.2, _late, 'every message arrives so much later'
        ),
        'clock offset': _Kind(
            's', (0.03, 0.1, 0.3), 0.1, _wrong_clock,
            'every header stamp is so much too late, as of a clock that is ahead',
        ),
        'turned': _Kind(
            'deg', (0.5, 1.0, 2.0), 1.0,
            lambda name, topic, level: Disturbance(name, yaw_deg=level),
            "the sensor's extrinsics are turned so far about the vehicle's upward axis",
        ),
        'shifted': _Kind(
            'm', (0.05, 0.1, 0.2), 0.1,
            lambda name, topic, level: Disturbance(name, shift_m=level),
            "the sensor's extrinsics are moved so far to the vehicle's left",
        ),
        'rate cut': _Kind(
            'x', (2, 5, 10), 5, _rare, 'one of so many messages comes, the others are lost'
        ),
        'noise': _Kind(
            '', (0.05, 0.1, 0.2), 0.1, _noisy,
            'normal noise; the level is its standard deviation as a share of full scale (camera) '
            'or of the distance (depth, LiDAR), or the share of events that are elsewhere',
        ),
    }
)  # fmt: skip

_FAILURES: Mapping[str, tuple[str, Modality, str]] = MappingProxyType(
    {
        'motion blur': ('motion_blur', RGB, 'the image is smeared sideways over 4 % of its width'),
        'over-exposure': ('over_exposure', RGB, 'the image is 4 times as bright, and clipped'),
        'under-exposure': ('under_exposure', RGB, 'the image has 15 % of its brightness'),
        'LiDAR jitter': (
            'lidar_jitter', LIDAR, 'every shot points 0.8 degrees (1 sigma) elsewhere',
        ),
        'low event resolution': (
            'low_event_resolution', EVENT, 'events lie on every fourth pixel only',
        ),
    }
)  # fmt: skip
"""The failures of DeLiVER, as degradations."""

IMAGE_FAULTS = ('noise', *_FAILURES)
"""Faults that act on the images of a data set."""


def bag_cases(topics: Mapping[Modality, str], quick: bool) -> list[Case]:
    """Return the faults of a recording's sensors.

    Args:
        topics: Topic per sensor.
        quick: One strength of each fault instead of three.
    """
    return [
        Case(fault, _level(kind, level), name, kind.disturb(name, topic, level))
        for fault, kind in _BAG_KINDS.items()
        for level in ((kind.quick,) if quick else kind.levels)
        for name, topic in topics.items()
    ] + _failures(topics)


def image_cases(modalities: Sequence[Modality], quick: bool) -> list[Case]:
    """Return the faults that images of a data set can show: noise and DeLiVER's failures.

    Args:
        modalities: Sensors of the data set.
        quick: One strength of each fault instead of three.
    """
    kind = _BAG_KINDS['noise']
    return [
        Case('noise', _level(kind, level), name, kind.disturb(name, '', level))
        for level in ((kind.quick,) if quick else kind.levels)
        for name in modalities
    ] + _failures(modalities)


def not_in_images() -> list[str]:
    """Return the faults that a data set cannot express."""
    return [fault for fault in _BAG_KINDS if fault not in IMAGE_FAULTS]


def fault_texts() -> dict[str, str]:
    """Return what every fault does, one sentence each, by its name."""
    return {fault: kind.text for fault, kind in _BAG_KINDS.items()} | {
        fault: text for fault, (_, _, text) in _FAILURES.items()
    }


def _failures(modalities: Sequence[Modality] | Mapping[Modality, str]) -> list[Case]:
    return [
        Case(fault, '', name, Disturbance(name, degradation=Degradation(kind)))
        for fault, (kind, name, _) in _FAILURES.items()
        if name in modalities
    ]


def _level(kind: _Kind, level: float) -> str:
    return f'{level:g} {kind.unit}'.strip() if kind.unit != 'x' else f'1 of {level:g}'
