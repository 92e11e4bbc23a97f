"""The watch over the extrinsics: what it says, and that it never holds anybody up."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('rclpy')

from mmseg_ros.core.config import DiagnosticsConfig
from mmseg_ros.core.types import (
    CloseReason,
    CloudData,
    FrameSet,
    ImageData,
    SensorSample,
)
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.misalignment import Misalignment
from mmseg_ros.projection.misalignment_monitor import MisalignmentMonitor
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.ros import calibration_watch
from mmseg_ros.ros.calibration_watch import CalibrationWatch
from mmseg_ros.ros.sensor_report import OK, WARN

RIG = Rig({'rgb': Mount('rgb', np.eye(4), CameraModel.from_fov(64, 32, 70)), 'lidar': Mount()})


def frame_set(*names):
    payloads = {
        'rgb': ImageData(np.zeros((32, 64, 3), np.uint8)),
        'lidar': CloudData(np.zeros(1, [(name, 'f4') for name in 'xyz']), 1, 1),
    }
    samples = {name: SensorSample(name, 0, name, payloads[name]) for name in names}
    return FrameSet(names[0], 0, samples, names, CloseReason.COMPLETE)


def watch(**config):
    return CalibrationWatch(lambda: RIG, Odometry(), DiagnosticsConfig(**config))


@pytest.fixture
def judged(monkeypatch):
    """The monitor finds what stands in the list; return list and calls."""
    found, seen = [], threading.Semaphore(0)

    def report(self, limit_deg):
        seen.release()
        return {'lidar': found[-1]}

    monkeypatch.setattr(MisalignmentMonitor, 'add', lambda self, *_: True)
    monkeypatch.setattr(MisalignmentMonitor, 'report', report)
    return found, seen


def settled(watched, seen):
    assert seen.acquire(timeout=60)
    end_s = time.monotonic() + 60
    while not watched._found and time.monotonic() < end_s:
        time.sleep(0.01)
    return watched.status()


def test_an_error_above_the_limit_is_a_warning_with_the_angle(judged):
    found, seen = judged
    found.append(Misalignment((0, 1.2, 0), (0, 0.1, 0), 1.2, 0.97, 1.4, 1.3, 8, 900))
    watched = watch()
    watched.offer(frame_set('rgb', 'lidar'))
    level, text, values = settled(watched, seen)
    assert level == WARN
    assert 'lidar seem to be off by more than 0.5 deg' in text
    assert '1.20 deg off' in text
    assert values['lidar angle_deg'] == 1.2
    watched.tune(replace(DiagnosticsConfig(), misalignment_limit_deg=2.0))
    assert watched.status()[0] == OK
    assert watched.stop(60)


def test_what_cannot_be_told_is_said_and_no_warning(judged):
    found, seen = judged
    watched = watch()
    assert watched.status()[0] == OK
    assert 'not judged' in watched.status()[1]
    found.append(Misalignment(frames=1, outlines=3, reason='3 outlines are too few'))
    watched.offer(frame_set('rgb', 'lidar'))
    level, text, _ = settled(watched, seen)
    assert (level, text) == (OK, 'lidar: 3 outlines are too few')
    assert watched.stop(60)


def test_frames_are_taken_at_the_rate_and_only_if_they_can_tell(judged, monkeypatch):
    put = []
    monkeypatch.setattr(calibration_watch.NewestSlot, 'put', lambda self, item: put.append(item))
    now = [100.0]
    monkeypatch.setattr(calibration_watch.time, 'monotonic', lambda: now[0])
    watched = watch(misalignment_rate_hz=0.2)
    watched.offer(frame_set('rgb'))
    watched.offer(frame_set('lidar'))
    assert put == []
    for _ in range(11):
        watched.offer(frame_set('rgb', 'lidar'))
        now[0] += 1.0
    assert len(put) == 3, 'at 100, 105 and 110 s'
    assert watched.stop(60)
    off = watch(misalignment_rate_hz=0.0)
    off.offer(frame_set('rgb', 'lidar'))
    assert not off.is_on
    assert len(put) == 3
    assert off.stop(1)


def test_a_hanging_look_holds_nobody_up_and_a_failing_one_costs_only_itself(monkeypatch):
    go_on, fails = threading.Event(), []

    def add(self, *_):
        go_on.wait(60)
        fails.append(1)
        raise ZeroDivisionError('a frame of any content')

    monkeypatch.setattr(MisalignmentMonitor, 'add', add)
    watched = watch(misalignment_rate_hz=10.0)
    for _ in range(3):
        watched._next_s = 0.0
        watched.offer(frame_set('rgb', 'lidar'))
    assert not watched.stop(0.05)
    assert not fails
    go_on.set()
    assert watched.stop(60)
    assert fails
