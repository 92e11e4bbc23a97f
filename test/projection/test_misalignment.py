"""How far the extrinsics are off: exact on a drawn scene, silent where nothing can be told."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_boxes import CAMERA, T_CAMERA_LIDAR, boxes, depth_at, picture, scan, turned

from mmseg_ros.core.types import (
    CloseReason,
    CloudData,
    DepthData,
    FrameSet,
    ImageData,
    SensorSample,
)
from mmseg_ros.projection import load_rig
from mmseg_ros.projection.cloud_files import read_cloud
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.misalignment import Misalignment, MisalignmentEstimator
from mmseg_ros.projection.misalignment_monitor import MisalignmentMonitor
from mmseg_ros.projection.outline_frame import ImageEdges, outline_frame
from mmseg_ros.projection.outlines import depth_outlines, scan_outlines

KITTI = Path(__file__).parents[3] / 'shared' / 'kitti'
TURNS = [(0, 0, 0), (0, 0.3, 0), (0, 0.5, 0), (0, 1, 0), (0, -2, 0), (1, 0, 0), (0, 0, 1.5)]


def estimate(turn, make=None):
    estimator = MisalignmentEstimator()
    for seed in range(4):
        scene = boxes(seed)
        given = turned(turn) @ T_CAMERA_LIDAR
        outlines = scan_outlines(scan(scene), given, CAMERA)
        image = picture(scene) if make is None else make(picture(scene))
        estimator.add(outline_frame(ImageEdges.of(image), outlines, given, CAMERA))
    return estimator.estimate()


@pytest.mark.parametrize('turn', TURNS)
def test_the_turn_of_a_scan_is_found_on_a_drawn_scene(turn):
    found = estimate(turn)
    np.testing.assert_allclose(found.rotation_deg, turn, atol=0.12)
    size = float(np.linalg.norm(turn))
    assert found.angle_deg == pytest.approx(size, abs=0.12)
    assert found.exceeds(0.5) == (size > 0.6) or size == 0.5
    assert 'deg off' in found.text()


@pytest.mark.parametrize('turn', [(0, 0, 0), (0.8, 0, 0), (0.5, -1.0, 0.5)])
def test_the_turn_of_a_depth_camera_is_found(turn):
    """Both cameras stand at one place, so the depth image is that of the turned camera."""
    T = turned(turn)
    estimator = MisalignmentEstimator()
    for seed in range(4):
        scene = boxes(seed)
        x, y = CAMERA.rays[..., 0], CAMERA.rays[..., 1]
        depth_m = depth_at(x, y, scene).astype(np.float32)
        depth_m[::7, ::5] = np.nan
        outlines = depth_outlines(depth_m, CAMERA)
        estimator.add(outline_frame(ImageEdges.of(picture(scene)), outlines, T, CAMERA))
    np.testing.assert_allclose(estimator.estimate().rotation_deg, turn, atol=0.12)


def test_the_same_frames_give_the_same_estimate():
    assert estimate((0, 1, 0)) == estimate((0, 1, 0))


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (lambda image: np.zeros_like(image), 'too few'),
        (lambda image: np.full_like(image, 128), 'no turn'),
        (lambda image: picture(boxes(99)), 'no turn'),
    ],
)
def test_nothing_is_said_where_nothing_can_be_told(make, reason):
    found = estimate((0, 1, 0), make)
    assert found.angle_deg is None
    assert not found.exceeds(0.0)
    assert reason in found.text()


def test_too_few_frames_or_outlines_say_so():
    estimator = MisalignmentEstimator()
    assert 'too few' in estimator.estimate().reason
    empty = scan_outlines(np.zeros((0, 3), np.float32), T_CAMERA_LIDAR, CAMERA)
    estimator.add(outline_frame(ImageEdges.of(picture(boxes(0))), empty, T_CAMERA_LIDAR, CAMERA))
    assert estimator.estimate().frames == 0


def test_only_a_sure_and_useful_turn_exceeds_the_limit():
    found = Misalignment((0, 1, 0), (0, 0.1, 0), 1.0, 0.95, 1.4, 1.2, 4, 500)
    assert found.exceeds(0.5)
    assert not found.exceeds(1.5)
    for changed in ({'confidence': 0.8}, {'gain': 1.01}, {'angle_deg': None}):
        values = {name: getattr(found, name) for name in Misalignment.__slots__}
        assert not Misalignment(**{**values, **changed}).exceeds(0.5)


def frame_set(samples):
    names = tuple(samples)
    return FrameSet('rgb', 0, samples, names, CloseReason.COMPLETE)


def sample(name, payload):
    return SensorSample(name, 0, name, payload)


def rig_of(turn, registered=False):
    optical = T_CAMERA_LIDAR.T.copy()
    wrong = optical @ turned(turn) @ T_CAMERA_LIDAR
    depth = Mount('depth', optical, CAMERA, registered=registered)
    return Rig(
        {'rgb': Mount('rgb', optical, CAMERA), 'lidar': Mount('lidar', wrong), 'depth': depth}
    )


def cloud_of(scene):
    xyz = scan(scene)
    points = np.zeros(len(xyz), [(name, 'f4') for name in 'xyz'])
    for i, name in enumerate('xyz'):
        points[name] = xyz[:, i]
    return CloudData(points, 1, len(points))


def test_the_monitor_judges_each_sensor_and_forgets_old_extrinsics():
    monitor = MisalignmentMonitor(most_frames=3)
    for seed in range(4):
        scene = boxes(seed)
        x, y = CAMERA.rays[..., 0], CAMERA.rays[..., 1]
        samples = {
            'rgb': sample('rgb', ImageData(picture(scene))),
            'lidar': sample('lidar', cloud_of(scene)),
            'depth': sample('depth', DepthData(depth_at(x, y, scene).astype(np.float32))),
        }
        assert monitor.add(frame_set(samples), rig_of((0, 1, 0)))
    found = monitor.report(0.5)
    assert list(found) == ['depth', 'lidar']
    assert found['lidar'].exceeds(0.5)
    assert found['lidar'].frames == 3
    assert found['depth'].angle_deg == pytest.approx(0, abs=0.12)
    monitor.add(frame_set(samples), rig_of((0, 0, 0)))
    assert monitor.report(0.5)['lidar'].frames == 1
    assert monitor.report(0.5)['depth'].frames == 3


def test_the_monitor_says_nothing_without_camera_calibration_or_second_sensor():
    monitor = MisalignmentMonitor()
    scene = boxes(0)
    image = sample('rgb', ImageData(picture(scene)))
    lidar = sample('lidar', cloud_of(scene))
    depth = sample('depth', DepthData(np.full((384, 640), 5, np.float32)))
    assert not monitor.add(frame_set({'rgb': image}), rig_of((0, 0, 0)))
    assert not monitor.add(frame_set({'lidar': lidar}), rig_of((0, 0, 0)))
    assert not monitor.add(frame_set({'rgb': image, 'lidar': lidar}), Rig())
    registered = rig_of((0, 0, 0), registered=True)
    assert not monitor.add(frame_set({'rgb': image, 'depth': depth}), registered)
    assert monitor.report(0.5) == {}


@pytest.mark.skipif(not KITTI.is_dir(), reason='the two frames are not part of the project')
@pytest.mark.parametrize('turn', [(0, 0, 0), (0, 1, 0), (1, 0, 0), (0, -2, 0)])
def test_on_two_real_frames(turn):
    estimator = MisalignmentEstimator()
    for cloud in sorted((KITTI / 'velodyne').glob('*.bin')):
        rgb = cv2.imread(str(KITTI / 'image_2' / f'{cloud.stem}.png'), cv2.IMREAD_COLOR_RGB)
        rig = load_rig(KITTI / 'calib' / f'{cloud.stem}.txt', image_size=rgb.shape[:2])
        T = turned(turn) @ rig.T(rig.reference, 'lidar')
        camera = rig.camera(rig.reference)
        outlines = scan_outlines(read_cloud(cloud).xyz(), T, camera)
        estimator.add(outline_frame(ImageEdges.of(rgb), outlines, T, camera))
    found = estimator.estimate()
    assert not found.exceeds(0.5) or any(turn)
    if found.angle_deg is not None:
        # Roll moves outlines least, and two frames are the fewest that are judged.
        assert (np.abs(np.subtract(found.rotation_deg, turn)) < (0.35, 0.35, 0.6)).all()
