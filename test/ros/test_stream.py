"""A node that is behind: what came in time is in its frame, however long its decoding takes."""

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import ImageData, SensorSample
from mmseg_ros.ros.stream import Stream
from mmseg_ros.sync import Collector, HealthState

MS = 1_000_000
START_NS = 1_000_000_000_000
PERIOD_NS = 100 * MS


def image(name, stamp_ns):
    return SensorSample(name, stamp_ns, name, ImageData(None))


def running_collector():
    """A camera and a depth sensor that have delivered twenty pairs, 20 ms after their stamps."""
    names = ('rgb', 'depth')
    sensors = {name: SensorConfig() for name in names}
    unit = Collector(names, SyncConfig(content_checks=False), sensors)
    for i in range(20):
        for name in unit.modalities:
            stamp_ns = START_NS + i * PERIOD_NS
            unit.add(image(name, stamp_ns), stamp_ns + 20 * MS)
    return unit, START_NS + 20 * PERIOD_NS


class Busy:
    """A stream without its node: its clock goes on while depth images are decoded."""

    _deliver, _advance = Stream._deliver, Stream._advance

    def __init__(self, waiting=True):
        self.collector, self.stamp_ns = running_collector()
        self.clock_ns = self.stamp_ns + 20 * MS
        self.frames = []
        self.inputs = {'depth': SimpleNamespace(take_waiting=self.take_depth)}
        self.waiting = waiting

    def now_ns(self):
        return self.clock_ns

    def _emit(self, frames):
        self.frames += frames

    def take_depth(self):
        if self.waiting:
            self.waiting = False
            self.clock_ns += 150 * MS  # longer than the deadline of 100 ms
            self._deliver(image('depth', self.stamp_ns))


def test_a_deadline_that_passes_while_a_sample_is_decoded_costs_nothing():
    stream = Busy()
    stream._deliver(image('rgb', stream.stamp_ns))
    stream.take_depth()
    assert [sorted(frame.samples) for frame in stream.frames] == [['depth', 'rgb']]


def test_the_deadline_timer_takes_what_waits_before_it_closes_a_frame():
    stream = Busy()
    stream._deliver(image('rgb', stream.stamp_ns))
    stream.clock_ns += 101 * MS
    stream._advance()
    assert [sorted(frame.samples) for frame in stream.frames] == [['depth', 'rgb']]


def test_a_sample_that_did_not_come_is_not_waited_for():
    stream = Busy(waiting=False)
    stream._deliver(image('rgb', stream.stamp_ns))
    stream.clock_ns += 99 * MS
    stream._advance()
    assert stream.frames == []
    stream.clock_ns += 2 * MS
    stream._advance()
    assert [sorted(frame.samples) for frame in stream.frames] == [['rgb']]


def test_a_sensor_whose_sample_waited_through_a_stall_is_not_lost():
    stream = Busy()
    stream.clock_ns += 900 * MS  # nothing was taken in for longer than lost_after_s
    stream._deliver(image('rgb', stream.stamp_ns))
    stream._advance()
    states = {
        name: report.state
        for name, report in stream.collector.health.reports(stream.now_ns()).items()
    }
    assert HealthState.LOST not in states.values()
    assert 'rgb' in stream.frames[-1].samples
