"""A vehicle's sensor streams as plain lists, with faults, and a clock that is only a number."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import (
    CloudData,
    DepthData,
    EventData,
    FrameSet,
    ImageData,
    SensorSample,
)
from mmseg_ros.sync import Collector

MS = 1_000_000
S = 1_000_000_000
START_NS = 1_000 * S
PERIOD_NS = {'rgb': 100 * MS, 'depth': 100 * MS, 'lidar': 100 * MS, 'event': 20 * MS}
TRANSPORT_NS = {'rgb': 20 * MS, 'depth': 25 * MS, 'lidar': 30 * MS, 'event': 22 * MS}
PHASE_NS = {'rgb': 0, 'depth': 3 * MS, 'lidar': -5 * MS, 'event': 0}
MODALITIES = ('rgb', 'depth', 'event', 'lidar')


@dataclass(frozen=True)
class Arrival:
    """A sample and when it reaches the collector."""

    now_ns: int
    sample: SensorSample


@dataclass(frozen=True)
class Output:
    """A frame and when the collector emitted it."""

    now_ns: int
    frame: FrameSet

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.frame.samples)

    @property
    def time_s(self) -> float:
        return (self.frame.stamp_ns - START_NS) / S


def _payload(modality: str, stamp_ns: int) -> object:
    noise = np.random.default_rng(stamp_ns % 2**32)
    if modality == 'rgb':
        return ImageData(noise.integers(20, 230, (8, 8, 3), dtype=np.uint8))
    if modality == 'depth':
        return DepthData(noise.uniform(1, 50, (8, 8)).astype(np.float32))
    if modality == 'lidar':
        points = np.zeros(16, dtype=[('x', 'f4'), ('y', 'f4'), ('z', 'f4')])
        points['x'] = noise.uniform(1, 50, 16)
        return CloudData(points, 1, 16)
    times = stamp_ns + np.arange(0, 20 * MS, 2 * MS, dtype=np.int64)
    pixels = np.zeros(len(times), np.uint16)
    return EventData(pixels, pixels, times, np.ones(len(times), bool), 64, 48)


def make_sample(modality: str, stamp_ns: int) -> SensorSample:
    return SensorSample(modality, stamp_ns, modality, _payload(modality, stamp_ns))


def make_stream(duration_s: float = 4.0, modalities: Iterable[str] = MODALITIES) -> list[Arrival]:
    """All sensors healthy: stamps and arrivals of `duration_s` seconds."""
    arrivals = []
    for modality in modalities:
        for index in range(round(duration_s * S) // PERIOD_NS[modality]):
            stamp_ns = START_NS + index * PERIOD_NS[modality] + PHASE_NS[modality]
            sample = make_sample(modality, stamp_ns)
            arrivals.append(Arrival(stamp_ns + TRANSPORT_NS[modality], sample))
    return arrivals


def move(arrival: Arrival, stamp_s: float = 0.0, delay_s: float = 0.0) -> Arrival:
    """Move the stamps of a sample, or its arrival."""
    stamp_ns = arrival.sample.stamp_ns + round(stamp_s * S)
    payload = arrival.sample.payload
    if isinstance(payload, EventData):
        payload = replace(payload, stamp_ns=payload.stamp_ns + round(stamp_s * S))
    return Arrival(
        arrival.now_ns + round(delay_s * S),
        replace(arrival.sample, stamp_ns=stamp_ns, payload=payload),
    )


def drive(
    collector: Collector, arrivals: Iterable[Arrival], until_ns: int | None = None
) -> list[Output]:
    """Feed the samples in order of arrival and wake the collector exactly when it asks for it."""
    outputs = []
    ordered = sorted(arrivals, key=lambda arrival: arrival.now_ns)

    def wake(now_ns: int) -> None:
        while (due_ns := collector.next_deadline_ns()) is not None and due_ns < now_ns:
            outputs.extend(Output(due_ns, frame) for frame in collector.advance(due_ns))

    for arrival in ordered:
        wake(arrival.now_ns)
        frames = collector.add(arrival.sample, arrival.now_ns)
        outputs.extend(Output(arrival.now_ns, frame) for frame in frames)
    wake(ordered[-1].now_ns if until_ns is None else until_ns)
    return outputs


def make_collector(modalities: Iterable[str] = MODALITIES, **sync: object) -> Collector:
    names = tuple(modalities)
    return Collector(names, SyncConfig(**sync), {name: SensorConfig() for name in names})


class Bench:
    """The helpers above, handed to tests as one fixture."""

    stream = staticmethod(make_stream)
    sample = staticmethod(make_sample)
    move = staticmethod(move)
    drive = staticmethod(drive)
    collector = staticmethod(make_collector)
    arrival = Arrival
    start_ns = START_NS
    modalities = MODALITIES


@pytest.fixture(scope='session')
def bench() -> Bench:
    return Bench()
