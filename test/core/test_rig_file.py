import re

import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.rig_file import read_merger, read_rig_file

KNOWN = ('namespace', 'rgb_topic', 'lidar_topic', 'rviz', 'bag_rate')


@pytest.fixture
def read(tmp_path):
    """Return a reader of a text as a rig file."""
    path = tmp_path / 'rig.yaml'

    def from_text(text):
        path.write_text(text)
        return read_rig_file(path, KNOWN)

    return from_text


def test_every_camera_has_what_all_have_and_its_own_counts_more(read):
    found = read(
        'lidar_topic: /lidar\nrviz: false\n'
        'cameras:\n  front: {rgb_topic: /f, rviz: true, bag_rate: 0.5}\n  side/left:\n'
    )
    assert found == {
        'front': {'lidar_topic': '/lidar', 'rviz': 'true', 'rgb_topic': '/f', 'bag_rate': '0.5'},
        'side/left': {'lidar_topic': '/lidar', 'rviz': 'false'},
    }


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('cameras: [front]', "cameras must map names to values, but is ['front']"),
        ('lidar_topic: /l', 'cameras must map names to values, but is None'),
        ('cameras: {}', 'cameras is empty'),
        ('cameras: {1: {}}', 'cameras.1 is not a valid ROS namespace'),
        ('cameras: {"a b": {}}', 'cameras.a b is not a valid ROS namespace'),
        ('cameras: {a: x}', "cameras.a must map names to values, but is 'x'"),
        ('cameras: {a: {rgb: /x}}', "cameras.a: 'rgb' is not an argument; there are bag_rate,"),
        ('cameras: {a: {namespace: b}}', 'leave namespace out'),
        ('cameras: {a: {rgb_topic: [x]}}', "cameras.a.rgb_topic must be one plain value"),
        ('cameras: {a: {rgb_topic: }}', 'cameras.a.rgb_topic must be one plain value'),
        ('- cameras', "must map names to values, but is ['cameras']"),
        ('cameras: {', 'cannot read it as YAML'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(read, text, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        read(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r'none\.yaml: cannot read it'):
        read_rig_file(tmp_path / 'none.yaml', KNOWN)


def test_a_file_beside_the_rig_file_is_found_from_anywhere(tmp_path, monkeypatch):
    rig = tmp_path / 'rigs' / 'rig.yaml'
    rig.parent.mkdir()
    (tmp_path / 'own.yaml').write_text('')
    rig.write_text('params_file: ../own.yaml\ncalibration: demo_rig\ncameras: {a: }')
    monkeypatch.chdir('/')
    found = read_rig_file(rig, ('params_file', 'calibration'))
    assert found == {'a': {'params_file': str(tmp_path / 'own.yaml'), 'calibration': 'demo_rig'}}


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('cameras: {a: , b: }', None),
        ('merger:\ncameras: {a: , b: }', {'cameras': ['a', 'b']}),
        (
            'merger: {deadline_s: 0.2}\ncameras: {a: , b: }',
            {'cameras': ['a', 'b'], 'deadline_s': 0.2},
        ),
    ],
)
def test_the_merger_takes_the_cameras_of_the_rig(tmp_path, text, expected):
    path = tmp_path / 'rig.yaml'
    path.write_text(text)
    assert read_merger(path) == expected
    assert list(read_rig_file(path, ())) == ['a', 'b']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('merger: 3\ncameras: {a: }', 'merger must map names to values'),
        ('merger: {color: 1}\ncameras: {a: }', "'color' is not a parameter; there are cameras"),
        ('merger: {deadline_s: -1.0}\ncameras: {a: }', r'merger: Parameter deadline_s must be in'),
    ],
)
def test_an_impossible_merger_is_rejected(tmp_path, text, message):
    path = tmp_path / 'rig.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_merger(path)
