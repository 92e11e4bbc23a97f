"""Values written to a bag come back as they were, through the bag's own decoder and another."""

import numpy as np
import pytest
import yaml

from mmseg_ros.bag import replay
from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import BagError, CalibrationError, SampleError
from mmseg_ros.core.types import ImageData, SensorSample
from mmseg_ros.projection.transforms import pose


@pytest.fixture(scope='module')
def bag_path(tmp_path_factory, rig, sensor_samples):
    path = tmp_path_factory.mktemp('bags') / 'drive'
    start_ns = sensor_samples[0].stamp_ns
    labels = np.arange(32 * 48, dtype=np.uint8).reshape(32, 48) % 25
    with BagWriter(path) as bag:
        bag.write_calibration(start_ns, rig)
        for sample in sensor_samples:
            bag.write_sample(sample)
            if sample.modality == 'rgb':
                bag.write_truth_labels(sample.stamp_ns, sample.frame_id, labels)
                bag.write_odometry(sample.stamp_ns, pose([1.0, 2.0, 0.0], [0, 0, 0.6, 0.8]))
            if sample.modality == 'lidar':
                bag.write_truth_points(sample.stamp_ns, 'lidar', sample.payload)
    return path


@pytest.fixture
def reader(bag_path):
    with BagReader(bag_path) as opened:
        yield opened


def test_every_sample_comes_back(reader, sensor_samples):
    topics = replay.sensor_topics(reader)
    assert list(topics) == ['rgb', 'depth', 'event', 'lidar']
    read = list(replay.samples(reader, topics, event_size=(32, 48)))
    assert len(read) == len(sensor_samples)
    for got, sent in zip(read, sensor_samples, strict=True):
        assert (got.modality, got.stamp_ns, got.frame_id) == (
            sent.modality,
            sent.stamp_ns,
            sent.frame_id,
        )
        assert got.received_ns == sent.received_ns
        assert type(got.payload) is type(sent.payload)
    by_name = {
        got.modality: (got.payload, sent.payload)
        for got, sent in zip(read, sensor_samples, strict=True)
    }
    got, sent = by_name['rgb']
    np.testing.assert_array_equal(got.pixels, sent.pixels)
    got, sent = by_name['depth']
    np.testing.assert_array_equal(got.depth_m, sent.depth_m)
    got, sent = by_name['event']
    for name in ('x', 'y', 'stamp_ns', 'polarity', 'width', 'height'):
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name))
    got, sent = by_name['lidar']
    for name in sent.points.dtype.names:
        np.testing.assert_array_equal(got.points[name], sent.points[name])


def test_the_rig_comes_back(reader, rig):
    read = rig_from_bag(reader, replay.sensor_topics(reader))
    assert read.reference == 'rgb'
    assert list(read.mounts) == ['rgb', 'depth', 'event', 'lidar']
    for name, mount in rig.mounts.items():
        np.testing.assert_allclose(read.T_base(name), mount.T_base_sensor, atol=1e-12)
        assert read.mounts[name].frame_id == mount.frame_id
        assert read.mounts[name].camera == mount.camera


def test_truth_and_odometry_come_back(reader):
    labels = [m for _, _, m in reader.messages(['/truth/labels'])]
    assert len(labels) == 10
    assert (labels[0].encoding, labels[0].step) == ('mono8', 48)
    assert labels[0].data.reshape(32, 48)[0, 30] == 5
    _, _, odometry = next(reader.messages(['/odom']))
    assert odometry.pose.pose.position.y == 2.0
    assert odometry.pose.pose.orientation.z == pytest.approx(0.6)
    _, _, points = next(reader.messages(['/truth/points']))
    assert [f.name for f in points.fields][-1] == 'label'


def test_an_independent_decoder_reads_the_file(bag_path):
    mcap_reader = pytest.importorskip('mcap.reader')
    ros2 = pytest.importorskip('mcap_ros2.decoder')
    storage = next(bag_path.glob('*.mcap'))
    with storage.open('rb') as stream:
        decoded = mcap_reader.make_reader(stream, decoder_factories=[ros2.DecoderFactory()])
        rows = [(c.topic, m) for _, c, _, m in decoded.iter_decoded_messages()]
    image = next(m for topic, m in rows if topic == '/rgb/image_raw')
    assert (image.width, image.height, len(image.data)) == (48, 32, 48 * 32 * 3)
    transforms = next(m for topic, m in rows if topic == '/tf_static')
    assert {t.child_frame_id for t in transforms.transforms} >= {'lidar', 'rgb_optical'}


def test_tf_static_is_latched(bag_path):
    with BagReader(bag_path) as reader:
        by_topic = {channel.topic: channel for channel in reader.channels}
    (qos,) = yaml.safe_load(by_topic['/tf_static'].offered_qos)
    assert qos['durability'] == 'transient_local'
    assert not yaml.safe_load(by_topic['/rgb/image_raw'].offered_qos)


def test_extrinsics_through_a_chain_and_a_missing_one(tmp_path, caplog):
    from mmseg_ros.bag import builders

    T_base_mast = pose([0.0, 0.0, 2.0], [0, 0, np.sin(0.2), np.cos(0.2)])
    T_mast_camera = pose([0.3, 0.0, 0.1], [-0.5, 0.5, -0.5, 0.5])
    image = ImageData(np.zeros((4, 4, 3), np.uint8))
    with BagWriter(tmp_path / 'b') as bag:
        for parent, child, matrix in (
            ('base_link', 'mast', T_base_mast),
            ('mast', 'camera', T_mast_camera),
            ('map', 'base_link', pose([5.0, 5.0, 0.0])),
        ):
            message = builders.tf_message(0, parent, {child: matrix})
            bag.write('/tf_static', builders.TF_MESSAGE, 0, message)
        bag.write_sample(SensorSample('rgb', 1, 'camera', image))
        bag.write_sample(SensorSample('thermal', 1, 'elsewhere', image))
    with BagReader(tmp_path / 'b') as reader:
        rig = rig_from_bag(reader, {'rgb': '/rgb/image_raw', 'thermal': '/thermal/image_raw'})
    np.testing.assert_allclose(rig.T_base('rgb'), T_base_mast @ T_mast_camera, atol=1e-12)
    assert 'elsewhere' in caplog.text
    with pytest.raises(CalibrationError):
        rig.T_base('thermal')


def test_a_loop_of_transforms_is_rejected(tmp_path):
    from mmseg_ros.bag import builders

    with BagWriter(tmp_path / 'b') as bag:
        for parent, child in (('a', 'b'), ('b', 'a')):
            message = builders.tf_message(0, parent, {child: np.eye(4)})
            bag.write('/tf_static', builders.TF_MESSAGE, 0, message)
        image = ImageData(np.zeros((4, 4, 3), np.uint8))
        bag.write_sample(SensorSample('rgb', 1, 'b', image))
    with BagReader(tmp_path / 'b') as reader, pytest.raises(CalibrationError, match='loop'):
        rig_from_bag(reader, {'rgb': '/rgb/image_raw'})


def test_a_malformed_message_is_rejected_and_the_others_go_on(tmp_path, sensor_samples):
    path = tmp_path / 'b'
    with BagWriter(path) as bag:
        for sample in sensor_samples[:3]:
            bag.write_sample(sample)
        bag.write_raw('/rgb/image_raw', 'sensor_msgs/msg/Image', 2**62, b'\0\1\0\0abc')
    rejected = []
    with BagReader(path) as reader:
        topics = replay.sensor_topics(reader)
        with pytest.raises(SampleError):
            list(replay.samples(reader, topics, (32, 48)))
        read = list(
            replay.samples(reader, topics, (32, 48), lambda name, error: rejected.append(name))
        )
    assert len(read) == 3
    assert rejected == ['rgb']


def test_pixels_without_an_encoding_are_rejected(tmp_path):
    sample = SensorSample('rgb', 0, '', ImageData(np.zeros((2, 2), np.int64)))
    with BagWriter(tmp_path / 'b') as bag, pytest.raises(BagError, match='int64'):
        bag.write_sample(sample)
