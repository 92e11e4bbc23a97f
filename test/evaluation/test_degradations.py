"""Samples of failing sensors: what changes, by how much, and what stays."""

import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, SensorSample
from mmseg_ros.evaluation.degradations import DEGRADATIONS, Degradation
from mmseg_ros.evaluation.disturbance import Disturbance
from mmseg_ros.evaluation.image_degradations import degraded_image


def degraded(kind, payload, amount=0.0, modality='rgb', stamp_ns=5, seed=0):
    sample = SensorSample(modality, stamp_ns, '', payload)
    return Degradation(kind, amount, seed).apply(sample).payload


def image(value, shape=(40, 100, 3)):
    return ImageData(np.full(shape, value, np.uint8))


def cloud(count=4000):
    points = np.zeros(count, [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('label', 'u1')])
    angles = np.linspace(-3, 3, count)
    points['x'], points['y'], points['z'] = 10 * np.cos(angles), 10 * np.sin(angles), 1.0
    points['label'] = np.arange(count) % 7
    return CloudData(points, 1, count)


def test_exposure_scales_and_clips():
    assert (degraded('under_exposure', image(100)).pixels == 15).all()
    assert (degraded('over_exposure', image(50)).pixels == 200).all()
    assert (degraded('over_exposure', image(90)).pixels == 255).all()
    deep = ImageData(np.full((4, 4), 20_000, np.uint16))
    assert (degraded('over_exposure', deep).pixels == 65_535).all()


def test_motion_blur_smears_sideways_only():
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 50] = 200
    blurred = degraded('motion_blur', ImageData(pixels)).pixels
    assert (np.count_nonzero(blurred[0, :, 0]), blurred[0, :, 0].max()) == (4, 50)
    rows = np.zeros((40, 100, 3), np.uint8)
    rows[20] = 200
    assert np.array_equal(degraded('motion_blur', ImageData(rows)).pixels, rows)


def test_noise_has_the_deviation_asked_for():
    pixels = degraded('noise', image(128, (200, 200, 3)), 0.1).pixels
    assert pixels.astype(float).std() == pytest.approx(25.5, rel=0.03)
    depth = degraded('noise', DepthData(np.full((200, 200), 20, np.float32)), 0.1, 'depth')
    assert depth.depth_m.std() == pytest.approx(2.0, rel=0.03)
    before, after = cloud(), degraded('noise', cloud(), 0.05, 'lidar')
    stretch = np.linalg.norm(after.xyz(), axis=1) / np.linalg.norm(before.xyz(), axis=1)
    assert stretch.std() == pytest.approx(0.05, rel=0.05)
    assert np.array_equal(after.points['label'], before.points['label'])
    x = np.full(10_000, 7, np.uint16)
    events = EventData(x, x, np.arange(10_000), x > 0, 48, 32)
    moved = degraded('noise', events, 0.2, 'event')
    assert np.mean((moved.x != 7) | (moved.y != 7)) == pytest.approx(0.2, abs=0.02)
    assert (moved.x.max() < 48, moved.y.max() < 32) == (True, True)


def test_jitter_turns_every_shot_and_keeps_its_range():
    before, after = cloud().xyz().astype(float), degraded('lidar_jitter', cloud()).xyz()
    assert np.linalg.norm(after, axis=1) == pytest.approx(np.linalg.norm(before, axis=1), rel=1e-5)
    turned = np.arctan2(after[:, 1], after[:, 0]) - np.arctan2(before[:, 1], before[:, 0])
    turned = (turned + np.pi) % (2 * np.pi) - np.pi
    assert np.rad2deg(turned).std() == pytest.approx(0.8, rel=0.05)
    assert len(set(np.round(turned, 6))) > 3000, 'every shot by an angle that is its own'


def test_coarse_events_lie_on_every_fourth_pixel():
    x = np.array([0, 3, 4, 47], np.uint16)
    events = EventData(x, x, np.arange(4), x > 0, 48, 48)
    assert degraded('low_event_resolution', events, modality='event').x.tolist() == [0, 0, 4, 44]


def test_equal_seeds_disturb_equally_and_other_stamps_otherwise():
    first, again = (degraded('noise', image(128), 0.1).pixels for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, degraded('noise', image(128), 0.1, stamp_ns=6).pixels)
    assert not np.array_equal(first, degraded('noise', image(128), 0.1, seed=1).pixels)


@pytest.mark.parametrize('kind', sorted(set(DEGRADATIONS) - {'noise'}))
def test_what_a_failure_does_not_concern_stays(kind):
    depth = DepthData(np.ones((4, 4), np.float32))
    assert degraded(kind, depth, modality='depth') is depth
    with pytest.raises(ConfigError, match='motion_blur'):
        Degradation('rust')


def test_extrinsics_are_turned_upward_and_moved_left(rig):
    turned = Disturbance('lidar', yaw_deg=90.0, shift_m=0.2).rig(rig)
    before, after = rig.T_base('lidar'), turned.T_base('lidar')
    assert after[:3, 3] - before[:3, 3] == pytest.approx([0, 0.2, 0])
    left = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert after[:3, :3] == pytest.approx(left @ before[:3, :3])
    assert turned.mounts['rgb'] is rig.mounts['rgb']
    assert Disturbance('lidar').rig(rig) is rig
    assert Disturbance('radar', yaw_deg=1.0).rig(rig) is rig


def test_images_of_a_data_set_fail_like_their_sensors():
    lit = np.zeros((64, 128, 3), np.uint8)
    lit[32, 10:120] = 90
    moved = degraded_image(lit, 'lidar', Degradation('lidar_jitter'), 'a')
    assert np.array_equal(moved, degraded_image(lit, 'lidar', Degradation('lidar_jitter'), 'a'))
    assert not np.array_equal(moved, lit)
    rows = np.nonzero(moved.any(axis=2))[0] - 32
    assert rows.std() == pytest.approx(0.8 / 91 * 128, rel=0.25)
    events = np.zeros((10, 10, 3), np.uint8)
    events[5, 6] = (0, 0, 255)
    coarse = degraded_image(events, 'event', Degradation('low_event_resolution'), 'a')
    assert np.argwhere(coarse.any(axis=2)).tolist() == [[4, 4]]
    assert coarse[4, 4].tolist() == [0, 0, 255]
    assert (degraded_image(lit, 'rgb', Degradation('under_exposure'), 'a').max()) == 14
