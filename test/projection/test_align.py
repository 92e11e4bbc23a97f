"""One set of samples into one image."""

import importlib

import numpy as np
import pytest

from mmseg_ros.core.types import (
    STANDARD_MODALITIES,
    CloseReason,
    CloudData,
    DepthData,
    EventData,
    FrameSet,
    ImageData,
    SensorSample,
)
from mmseg_ros.projection import Rig, align
from mmseg_ros.projection.align import align_in
from mmseg_ros.projection.frame_geometry import FrameGeometry

STAMP_NS = 5_000_000_000
WINDOW_NS = 50_000_000


def wall_cloud(distance_m=10.0):
    y, z = np.meshgrid(np.linspace(-6, 6, 200), np.linspace(-1.5, 3, 80))
    points = np.zeros(y.size, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    points['x'], points['y'], points['z'] = distance_m, y.ravel(), z.ravel()
    return CloudData(points, 1, len(points))


def events_at(stamps):
    n = len(stamps)
    return EventData(
        np.full(n, 160, np.uint16), np.full(n, 96, np.uint16), np.array(stamps, np.int64),
        np.ones(n, bool), 320, 192,
    )  # fmt: skip


@pytest.fixture
def samples():
    payloads = {
        'rgb': ImageData(np.full((384, 640, 3), 7, np.uint8)),
        'depth': DepthData(np.full((384, 640), 9.6, np.float32)),
        'event': events_at([STAMP_NS - WINDOW_NS, STAMP_NS - 1, STAMP_NS]),
        'lidar': wall_cloud(),
    }
    return {name: SensorSample(name, STAMP_NS, name, data) for name, data in payloads.items()}


def frame_set(samples):
    return FrameSet('rgb', STAMP_NS, samples, STANDARD_MODALITIES, CloseReason.COMPLETE)


def test_all_modalities_meet_in_the_reference_image(rig, samples):
    frame, rejected = align(frame_set(samples), rig, 192, 320, WINDOW_NS)
    assert not rejected
    assert {n: p.values.shape[2] for n, p in frame.planes.items()} == {
        'rgb': 3, 'depth': 1, 'event': 7, 'lidar': 3,
    }  # fmt: skip
    assert all(p.values.shape[:2] == p.valid.shape == (192, 320) for p in frame.planes.values())
    np.testing.assert_allclose(frame.planes['depth'].values[96, 160, 0], 9.6)
    assert frame.planes['event'].values[..., 0].sum() == 2
    # 10 m ahead of the LiDAR is 9.6 m ahead of the camera, so the wall is where depth says.
    lidar = frame.planes['lidar']
    assert lidar.valid.mean() > 0.1
    assert 10.0 <= lidar.values[lidar.valid][:, 0].min() < 10.01


def test_events_move_through_depth_where_there_is_a_depth_image(rig, samples):
    samples['depth'] = SensorSample(
        'depth', STAMP_NS, 'depth', DepthData(np.full((384, 640), 2.0, np.float32))
    )
    columns = {}
    for names in (('event',), ('event', 'depth')):
        chosen = {name: samples[name] for name in names}
        frame, _ = align(frame_set(chosen), rig, 192, 320, WINDOW_NS)
        (columns[names],) = np.flatnonzero(frame.planes['event'].values[96, :, 0])
    focal_px, baseline_m = rig.camera('event').K[0, 0], rig.T('rgb', 'event')[0, 3]
    parallax_px = focal_px * baseline_m / 2.0
    assert columns['event',] == 160
    assert columns['event', 'depth'] == pytest.approx(160 + parallax_px, abs=1)


def test_each_subset_works_alone(rig, samples):
    for name, sample in samples.items():
        frame, rejected = align(frame_set({name: sample}), rig, 96, 160, WINDOW_NS)
        assert not rejected
        assert list(frame.planes) == [name]
        assert frame.frame_id == ('rgb' if name == 'rgb' else 'camera_optical')


def test_camera_alone_needs_no_calibration(samples):
    frame, rejected = align(frame_set(samples), Rig(), 192, 320, WINDOW_NS)
    assert list(frame.planes) == ['rgb']
    assert set(rejected) == {'depth', 'event', 'lidar'}
    assert all('No extrinsics' in sentence for sentence in rejected.values())


def test_registered_depth_needs_no_calibration(samples):
    rig = Rig().with_registered('depth')
    frame, rejected = align(frame_set({'depth': samples['depth']}), rig, 192, 320, WINDOW_NS)
    assert not rejected
    assert frame.planes['depth'].valid.all()


@pytest.mark.parametrize(
    ('name', 'payload', 'sentence'),
    [
        ('lidar', CloudData(wall_cloud().points[:0], 1, 0), 'None of the 0 points'),
        ('lidar', wall_cloud(np.nan), 'falls into the camera image'),
        ('lidar', wall_cloud(-10), 'falls into the camera image'),
        ('depth', DepthData(np.full((384, 640), np.nan, np.float32)), 'No pixel'),
    ],
)
def test_an_empty_sample_is_rejected_and_the_others_go_on(rig, samples, name, payload, sentence):
    samples[name] = SensorSample(name, STAMP_NS, name, payload)
    frame, rejected = align(frame_set(samples), rig, 192, 320, WINDOW_NS)
    assert list(rejected) == [name]
    assert sentence in rejected[name]
    assert set(frame.planes) == set(STANDARD_MODALITIES) - {name}


def test_another_image_modality_is_scaled_or_registered(rig):
    thermal = ImageData(np.full((60, 80), 300, np.uint16))
    sets = frame_set({'thermal': SensorSample('thermal', STAMP_NS, 'thermal', thermal)})
    aligned, _ = align(sets, rig, 192, 320, WINDOW_NS)
    assert aligned.planes['thermal'].valid.all()
    narrow = rig.camera('rgb').cropped(160, 96, height=192, width=320).resized(60, 80)
    with_camera = rig.with_camera('thermal', narrow).with_pose('thermal', rig.T_base('rgb'))
    registered, _ = align(sets, with_camera, 192, 320, WINDOW_NS)
    assert registered.planes['thermal'].valid.mean() == pytest.approx(0.25, abs=0.02)
    assert registered.planes['thermal'].values[96, 160, 0] == 300


@pytest.mark.parametrize('error', [MemoryError, TypeError, ZeroDivisionError, IndexError])
@pytest.mark.parametrize('broken', STANDARD_MODALITIES)
def test_whatever_one_sample_raises_the_others_go_on(monkeypatch, rig, samples, broken, error):
    def fail(*args, **kwargs):
        raise error('boom')

    name = {'rgb': 'scaled', 'depth': 'depth', 'event': 'event', 'lidar': 'lidar'}[broken]
    home = 'frame_geometry' if broken == 'depth' else 'align'
    module = importlib.import_module(f'mmseg_ros.projection.{home}')
    monkeypatch.setattr(module, f'{name}_plane', fail)
    frame, rejected = align(frame_set(samples), rig, 192, 320, WINDOW_NS)
    assert set(frame.planes) == set(STANDARD_MODALITIES) - {broken}
    assert error.__name__ in rejected[broken]


def test_an_image_that_nothing_resizes_costs_only_itself(rig, samples):
    pixels = ImageData(np.zeros((96, 160), np.int32))
    samples['rgb'] = SensorSample('rgb', STAMP_NS, 'rgb', pixels)
    frame, rejected = align(frame_set(samples), rig, 192, 320, WINDOW_NS)
    assert set(frame.planes) == {'depth', 'event', 'lidar'}
    assert set(rejected) == {'rgb'}


def test_only_the_channels_of_events_that_are_needed_are_made(samples, rig):
    frame_set = FrameSet('rgb', STAMP_NS, samples, tuple(samples), CloseReason.COMPLETE)

    def events(channels):
        geometry = FrameGeometry(rig, STAMP_NS)
        return align_in(geometry, frame_set, 96, 160, WINDOW_NS, channels)[0].planes['event']

    whole, counts, other = events({}), events({'event': 2}), events({'rear_event': 2})
    assert whole.values.shape == other.values.shape == (96, 160, 7)
    assert whole.values[..., :2].any()
    np.testing.assert_array_equal(counts.values, whole.values[..., :2])
    np.testing.assert_array_equal(counts.valid, whole.valid)
