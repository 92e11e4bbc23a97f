"""Which topic is which sensor, as words and as one YAML."""

import numpy as np
import pytest
import yaml

from mmseg_ros.bag import builders
from mmseg_ros.bag.proposal import propose_topics, sensors_hint
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.replay import sensor_topics
from mmseg_ros.bag.sensor_setup import read_sensor_setup, setup_of
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import CloudData, DepthData, ImageData, SensorSample

RIG = {
    'reference': 'rgb',
    'sync': {'deadline_s': 0.07},
    'sensors': {
        'rgb': {'topic': '/cam/image_raw', 'camera_info': '/cam/info', 'window_s': 0},
        'lidar': {
            'topic': 'velodyne_points',
            'offset_s': 0.1,
            'T_base_sensor': np.eye(4).tolist(),
        },
    },
}


def test_words_are_names_and_topics():
    setup = read_sensor_setup(['rgb=/cam/image_raw', 'lidar=points'])
    assert setup.topics == {'rgb': '/cam/image_raw', 'lidar': '/points'}
    assert setup.recorded_topics() == [
        '/cam/image_raw', '/points', '/cam/camera_info', '/tf_static', '/tf', '/odom',
    ]  # fmt: skip
    assert read_sensor_setup([]).recorded_topics() == []


def test_a_file_holds_topics_windows_and_calibration(tmp_path):
    path = tmp_path / 'rig.yaml'
    path.write_text(yaml.safe_dump(RIG))
    setup = read_sensor_setup([str(path), 'rgb=/other/image'])
    assert setup.topics == {'rgb': '/other/image', 'lidar': '/velodyne_points'}
    assert setup.infos == {'rgb': '/cam/info'}
    config = setup.config(NodeConfig())
    assert config.sync.deadline_s == 0.07
    assert (config.sensors['rgb'].window_s, config.sensors['lidar'].offset_s) == (0.0, 0.1)
    assert config.sensors['depth'] == NodeConfig().sensors['depth']
    np.testing.assert_array_equal(setup.rig.T_base('lidar'), np.eye(4))
    path.write_text('rgb: /cam/image_raw\n')
    plain = read_sensor_setup([str(path)])
    assert (plain.topics, plain.rig) == ({'rgb': '/cam/image_raw'}, None)


@pytest.mark.parametrize(
    ('data', 'named'),
    [
        ([1], 'describes no sensors'),
        ({'sensors': {'rgb': 3}}, 'describes no sensors'),
        ({'sensors': {}, 'sync': {'dead': 1}}, 'sync may hold'),
    ],
)
def test_what_describes_no_sensors_is_named(data, named):
    with pytest.raises(ConfigError, match=named):
        setup_of(data, 'x.yaml')


def test_bad_words_and_values_are_named(tmp_path):
    with pytest.raises(ConfigError, match='NAME=TOPIC'):
        read_sensor_setup(['rgb'])
    with pytest.raises(ConfigError, match='cannot read'):
        read_sensor_setup([str(tmp_path / 'no.yaml')])
    with pytest.raises(ConfigError, match='window_s'):
        setup_of({'sensors': {'rgb': {'window_s': -1.0}}}, 'x').config(NodeConfig())


@pytest.fixture
def reader(tmp_path):
    points = CloudData(np.zeros(5, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')]), 1, 5)
    pixels = np.zeros((8, 8, 3), np.uint8)
    samples = {
        '/camera/color/image_raw': SensorSample('rgb', 1, 'c', ImageData(pixels)),
        '/camera/infra1/image_raw': SensorSample('rgb', 1, 'c', ImageData(pixels[..., 0])),
        '/camera/stereo/image': SensorSample('depth', 1, 'c', DepthData(np.ones((8, 8), 'f4'))),
        '/velodyne_points': SensorSample('lidar', 1, 'l', points),
        '/camera/depth/points': SensorSample('lidar', 1, 'l', points),
        '/mmseg/labels': SensorSample('rgb', 1, 'c', ImageData(pixels[..., 0])),
    }
    with BagWriter(tmp_path / 'b') as bag:
        for topic, sample in samples.items():
            bag.write(
                topic, builders.sample_message(sample)[0], 1, builders.sample_message(sample)[1]
            )
    with BagReader(tmp_path / 'b') as opened:
        yield opened


def test_topics_are_proposed_by_type_and_name(reader):
    assert propose_topics(reader) == {
        'rgb': '/camera/color/image_raw',
        'depth': '/camera/stereo/image',
        'lidar': '/velodyne_points',
    }
    assert sensors_hint(reader, ('lidar',)).endswith('--sensors lidar=/velodyne_points')
    assert sensors_hint(reader, ('event',)) == ''


def test_given_topics_are_taken_and_missing_ones_named(reader):
    given = {'rgb': '/camera/color/image_raw'}
    assert sensor_topics(reader, ('rgb', 'lidar'), given) == given
    with pytest.raises(ConfigError, match=r'no topic /nowhere.*velodyne_points'):
        sensor_topics(reader, ('rgb',), {'rgb': '/nowhere'})
