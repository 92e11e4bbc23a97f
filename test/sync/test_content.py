from dataclasses import replace

import numpy as np
import pytest

from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, SensorSample
from mmseg_ros.sync.content import FROZEN_AFTER, ContentMonitor

RANDOM = np.random.default_rng(0)


def sample(payload, modality='rgb'):
    return SensorSample(modality, 1, modality, payload)


def scene(dtype=np.uint8):
    return (RANDOM.uniform(20, 230, (96, 128, 3))).astype(dtype)


def cloud(count=200):
    points = np.zeros(count, dtype=[('x', 'f4'), ('y', 'f4'), ('z', 'f4')])
    points['x'] = RANDOM.uniform(1, 50, count)
    return CloudData(points, 1, count)


def events(count, duration_s, width=64, height=48):
    times = np.linspace(0, duration_s * 1e9, count).astype(np.int64)
    zeros = np.zeros(count, np.uint16)
    return EventData(zeros, zeros, times, np.ones(count, bool), width, height)


def nan_cloud():
    empty = cloud()
    empty.points['x'] = np.nan
    return empty


@pytest.mark.parametrize(
    ('payload', 'words'),
    [
        (ImageData(np.zeros((480, 640, 3), np.uint8)), 'black'),
        (ImageData(np.full((480, 640, 3), 3, np.uint8)), 'black'),
        (ImageData(np.full((480, 640), 255, np.uint8)), 'blown out'),
        (ImageData(np.zeros((0, 0, 3), np.uint8)), 'image is empty'),
        (ImageData(np.full((4, 4), np.nan, np.float32)), 'no finite value'),
        (DepthData(np.full((48, 64), np.nan, np.float32)), 'no measurement'),
        (CloudData(cloud().points[:0], 1, 0), 'cloud is empty'),
        (nan_cloud(), 'no finite point'),
        (events(64 * 48 * 10, 0.02), 'floods'),
    ],
)
def test_unusable_content_is_named(payload, words):
    assert words in ContentMonitor().check(sample(payload))


def sparse_depth():
    depth = np.full((480, 640), np.nan, np.float32)
    depth[101, 103] = 5.0
    return DepthData(depth)


def sparse_cloud():
    points = nan_cloud().points.repeat(50)
    points['x'][101] = 5.0
    return CloudData(points, 1, len(points))


def night():
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[:, 300:340] = 90
    return ImageData(pixels)


@pytest.mark.parametrize(
    'payload',
    [
        ImageData(scene()),
        ImageData(scene(np.uint16)),
        night(),
        DepthData(scene(np.float32)[..., 0]),
        sparse_depth(),
        cloud(),
        sparse_cloud(),
        events(0, 0.0),
        events(3000, 0.02),
        events(100, 0.0),
    ],
)
def test_usable_content_passes(payload):
    assert ContentMonitor().check(sample(payload)) is None


@pytest.mark.parametrize(
    'payload', [ImageData(scene()), DepthData(scene(np.float32)[..., 0]), cloud()]
)
def test_a_frozen_sensor_is_named_while_another_moves(payload):
    monitor = ContentMonitor()
    faults = []
    for _ in range(FROZEN_AFTER + 3):
        faults.append(monitor.check(sample(payload)))
        assert monitor.check(sample(ImageData(scene()), 'thermal')) is None
    assert faults[:FROZEN_AFTER] == [None] * FROZEN_AFTER
    assert [f'{count} samples' in fault for count, fault in enumerate(faults[3:], 3)] == [True] * 3


def test_a_sensor_that_thaws_is_good_again():
    monitor = ContentMonitor()
    still = sample(ImageData(scene()))
    verdicts = []
    for _ in range(5):
        verdicts.append(monitor.check(still) is None)
        monitor.check(sample(cloud(), 'lidar'))
    assert verdicts == [True, True, True, False, False]
    assert monitor.check(sample(ImageData(scene()))) is None
    assert monitor.check(still) is None


def test_a_scene_that_stands_still_is_no_fault():
    monitor = ContentMonitor()
    still = [sample(ImageData(scene()), 'rgb'), sample(cloud(), 'lidar')]
    assert all(monitor.check(item) is None for _ in range(20) for item in still)


def test_a_sensor_alone_may_look_at_a_scene_that_stands_still():
    monitor = ContentMonitor()
    still = sample(ImageData(scene()))
    assert all(monitor.check(replace(still, stamp_ns=stamp)) is None for stamp in range(1, 20))
    # As soon as another sensor sees something move, it is a fault.
    for _ in range(3):
        monitor.check(sample(cloud(), 'lidar'))
    assert 'has not changed' in monitor.check(still)


def test_what_cannot_be_looked_at_is_a_fault_of_the_sample_alone():
    monitor = ContentMonitor()
    assert 'AttributeError' in monitor.check(sample(ImageData(None)))
    assert monitor.check(sample(ImageData(scene()))) is None
