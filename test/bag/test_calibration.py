"""The rig of a recording: who wins, what is skipped, what hangs on what."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from mmseg_ros.bag import builders
from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import CloudData, ImageData, SensorSample
from mmseg_ros.projection import CameraModel
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.transforms import pose

OPTICAL = [-0.5, 0.5, -0.5, 0.5]
POSES = {'cam': pose([1.2, 0, 1.5], OPTICAL), 'top': pose([0.8, 0, 1.9])}
CAMERA = CameraModel.from_fov(64, 48, 70, 'cam')
FILE = CameraModel.from_fov(64, 48, 80, 'cam')
TOPICS = {'rgb': '/rgb/image_raw', 'lidar': '/lidar/points'}


@pytest.fixture
def bag(tmp_path):
    """Return a function that makes a bag and gives its rig."""

    def make(topics=TOPICS, tf=('/tf_static', POSES), infos=(CAMERA,), image=True, **options):
        path = tmp_path / 'bag'
        shutil.rmtree(path, ignore_errors=True)
        points = np.zeros(5, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
        with BagWriter(path) as writer:
            for i in range(3):
                message = builders.tf_message(i, 'ego', tf[1])
                writer.write(tf[0], builders.TF_MESSAGE, i, message)
            for i, camera in enumerate(infos):
                writer.write_camera_info('rgb', 10 + i, camera)
            if image:
                pixels = ImageData(np.zeros((48, 64, 3), np.uint8))
                writer.write_sample(SensorSample('rgb', 20, 'cam', pixels))
            writer.write_sample(SensorSample('lidar', 21, 'top', CloudData(points, 1, 5)))
        with BagReader(path) as reader:
            return rig_from_bag(reader, topics, **options)

    return make


@pytest.mark.parametrize('topic', ['/tf_static', '/tf'])
def test_relative_pose_from_any_root_on_either_topic(bag, topic):
    T = bag(tf=(topic, POSES)).T('rgb', 'lidar')
    np.testing.assert_allclose(T[:3, 3], [0, -0.4, -0.4], atol=1e-12)


def test_reference_without_images_keeps_its_place(bag):
    rig = bag(topics={'lidar': '/lidar/points'}, image=False)
    assert rig.camera('rgb') == CAMERA
    np.testing.assert_allclose(rig.T('rgb', 'lidar')[:3, 3], [0, -0.4, -0.4], atol=1e-12)


@pytest.mark.parametrize(
    ('rule', 'camera'), [('auto', FILE), ('file', FILE), ('camera_info', CAMERA)]
)
def test_rule_of_the_intrinsics(bag, caplog, rule, camera):
    rig = bag(given=Rig().with_camera('rgb', FILE), intrinsics=rule)
    assert rig.camera('rgb') == camera
    assert 'differ by' in caplog.text
    np.testing.assert_allclose(rig.T('rgb', 'lidar')[:3, 3], [0, -0.4, -0.4], atol=1e-12)


def test_a_rectified_camera_of_the_file_stays_rectified(bag):
    lens = CameraModel(
        width=64, height=48, K=CAMERA.K, D=np.array([-0.3, 0.1, 0, 0]), P=FILE.P, frame_id='cam'
    )
    given = Rig().with_camera('rgb', replace(FILE, rectified=True))
    camera = bag(infos=(lens,), given=given, intrinsics='camera_info').camera('rgb')
    point = np.array([[0.3, 0.2, 1.0]])
    np.testing.assert_allclose(camera.project(point)[0], FILE.project(point)[0])


def test_implausible_infos_are_skipped_and_named(bag, caplog):
    K = CAMERA.K.copy()
    K[:2, 2] = 0.5, 0.5
    wrong = CameraModel(width=64, height=48, K=K, frame_id='cam')
    assert bag(infos=(wrong, CAMERA)).camera('rgb') == CAMERA
    assert 'principal point' in caplog.text


def test_without_a_good_info_the_camera_is_unknown(bag):
    wrong = CameraModel(width=64, height=48, K=np.eye(3) * [[1], [1], [1]], frame_id='cam')
    rig = bag(infos=(wrong,))
    with pytest.raises(CalibrationError, match='No intrinsics'):
        rig.camera('rgb')


def test_size_of_the_image_comes_from_the_data(bag):
    waiting = Rig.from_dict({'sensors': {'rgb': {'camera': {'K': FILE.K.tolist()}}}})
    for infos in ((), (CAMERA,)):
        assert waiting.mounts['rgb'].camera is None
        rig = bag(infos=infos, given=waiting)
        assert (rig.camera('rgb').width, rig.camera('rgb').K[0, 0]) == (64, FILE.K[0, 0])


def test_what_moves_is_named(tmp_path, caplog):
    points = np.zeros(5, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    with BagWriter(tmp_path / 'b') as writer:
        for i in range(3):
            matrices = {'cam': POSES['cam'], 'top': pose([0.1 * i, 0, 0])}
            message = builders.tf_message(i, 'base_link', matrices)
            writer.write('/tf', builders.TF_MESSAGE, i, message)
        pixels = ImageData(np.zeros((48, 64, 3), np.uint8))
        writer.write_sample(SensorSample('rgb', 20, 'cam', pixels))
        writer.write_sample(SensorSample('lidar', 21, 'top', CloudData(points, 1, 5)))
    with BagReader(tmp_path / 'b') as reader:
        rig = rig_from_bag(reader, TOPICS)
    assert rig.mounts['lidar'].T_base_sensor is None
    assert 'top moves on /tf' in caplog.text


def test_camera_info_beside_the_data(tmp_path):
    pixels = ImageData(np.zeros((48, 64, 3), np.uint8))
    _, image = builders.sample_message(SensorSample('rgb', 20, 'cam', pixels))
    with BagWriter(tmp_path / 'b') as writer:
        writer.write('/front/image_raw', builders.IMAGE, 20, image)
        info = builders.camera_info_message(20, CAMERA)
        writer.write('/front/camera_info', builders.CAMERA_INFO, 20, info)
        writer.write(
            '/other/info', builders.CAMERA_INFO, 20, builders.camera_info_message(1, FILE)
        )
    with BagReader(tmp_path / 'b') as reader:
        topics = {'rgb': '/front/image_raw'}
        assert rig_from_bag(reader, topics).camera('rgb') == CAMERA
        named = rig_from_bag(reader, topics, infos={'rgb': '/other/info'})
        assert named.camera('rgb') == FILE


def test_a_sensor_whose_messages_name_no_frame_is_told_as_such(tmp_path, caplog):
    points = np.zeros(5, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    with BagWriter(tmp_path / 'b') as writer:
        writer.write('/tf_static', builders.TF_MESSAGE, 0, builders.tf_message(0, 'ego', POSES))
        writer.write_sample(SensorSample('lidar', 5, '', CloudData(points, 1, 5)))
    with BagReader(tmp_path / 'b') as reader:
        rig = rig_from_bag(reader, {'lidar': '/lidar/points'})
    assert rig.mounts['lidar'].T_base_sensor is None
    assert 'no message of lidar names its frame' in caplog.text
    assert 'fixed chain' not in caplog.text
