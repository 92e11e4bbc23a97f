"""The verb reads stamps without decoding payloads, and what it suggests can be pasted."""

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml

from mmseg_ros import cli
from mmseg_ros.bag.sensor_setup import read_sensor_setup
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.types import CloudData, DepthData, ImageData, SensorSample

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def payload(modality):
    if modality == 'lidar':
        return CloudData(np.zeros(4, dtype=[('x', 'f4'), ('y', 'f4'), ('z', 'f4')]), 1, 4)
    if modality == 'depth':
        return DepthData(np.ones((4, 6), np.float32))
    return ImageData(np.zeros((4, 6, 3), np.uint8))


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Six seconds of 10 Hz; the lidar is 37 s ahead and misses five scans."""
    path = tmp_path_factory.mktemp('bags') / 'drive'
    with BagWriter(path) as writer:
        for index in range(60):
            for modality in ('rgb', 'depth', 'lidar'):
                true_ns = START_NS + index * S // 10
                if modality == 'lidar' and 20 <= index < 25:
                    continue
                stamp_ns = true_ns + (37 * S if modality == 'lidar' else 0)
                received_ns = true_ns + 20_000_000
                writer.write_sample(
                    SensorSample(modality, stamp_ns, modality, payload(modality), received_ns)
                )
    return path


def test_the_text_names_what_is_wrong_and_how_to_mend_it(bag, capsys):
    assert cli.main(['inspect', str(bag)]) == 0
    text = capsys.readouterr().out
    assert '/lidar/points: stamps are +37.000 s from the others (TAI against UTC' in text
    assert '/lidar/points: about 5 messages are missing in 1 gaps.' in text
    proposed = yaml.safe_load(text[text.index('# proposed') :])
    assert proposed['sensors']['lidar']['offset_s'] == -37.0
    assert proposed['sensors']['rgb']['expected_rate_hz'] == 10.0
    assert proposed['sensors']['rgb']['topic'] == '/rgb/image_raw'
    assert 0.0 < proposed['sync']['deadline_s'] <= 0.1


def test_json(bag, capsys):
    assert cli.main(['inspect', str(bag), '--json']) == 0
    result = json.loads(capsys.readouterr().out)
    rates = {topic['topic']: topic['rate_hz'] for topic in result['topics']}
    assert rates == {
        name: pytest.approx(10.0) for name in ('/depth/image', '/lidar/points', '/rgb/image_raw')
    }
    assert set(result['suggestions']) == {'rgb', 'depth', 'lidar'}


def test_sensors_on_other_topics(bag, capsys):
    assert cli.main(['inspect', str(bag), '--json', '--sensors', 'thermal=/rgb/image_raw']) == 0
    assert 'thermal' in json.loads(capsys.readouterr().out)['suggestions']


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ('thermal', 'must be NAME=TOPIC'),
        ('thermal=/nope', "has no topic /nope for 'thermal'; it has /depth"),
    ],
)
def test_a_wrong_sensor_is_explained(bag, capsys, given, words):
    assert cli.main(['inspect', str(bag), '--sensors', given]) == 1
    assert words in capsys.readouterr().err


def test_the_yaml_that_is_written_is_taken_by_the_verbs(bag, capsys, tmp_path):
    path = tmp_path / 'rig.yaml'
    assert cli.main(['inspect', str(bag), '--write', str(path)]) == 0
    setup = read_sensor_setup([str(path)])
    assert setup.topics['lidar'] == '/lidar/points'
    assert setup.config(NodeConfig()).sensors['lidar'].offset_s == -37.0
    assert cli.main(['inspect', str(bag), '--sensors', str(path), '--json']) == 0
    assert cli.main(['inspect', str(bag), '--write', str(tmp_path / 'no' / 'x.yaml')]) == 1
    assert 'cannot be written' in capsys.readouterr().err


def write_stamps(path, stamps_ns, modality='rgb'):
    with BagWriter(path) as writer:
        for i, stamp_ns in enumerate(stamps_ns):
            receipt = START_NS + i * S // 10
            writer.write_sample(SensorSample(modality, stamp_ns, 'f', payload(modality), receipt))
    return path


@pytest.mark.parametrize(
    ('stamps_ns', 'said'),
    [
        ([0] * 5, 'all 5 stamps are zero'),
        ([0, START_NS + S // 10], '1 stamps are zero'),
        ([START_NS], 'nothing is missing'),
        ([START_NS, START_NS], '1 repeat'),
        ([i * S // 10 + 1 for i in range(5)], 'simulated time'),
    ],
)
def test_odd_stamps_are_named_and_survived(tmp_path, capsys, stamps_ns, said):
    assert cli.main(['inspect', str(write_stamps(tmp_path / 'b', stamps_ns))]) == 0
    text = capsys.readouterr().out
    assert said in text
    assert yaml.safe_load(text[text.index('# proposed') :])['sensors']['rgb']['topic']


def test_unknown_types_short_messages_and_lost_packets_are_named(tmp_path, capsys):
    from mcap.writer import Writer

    from mmseg_ros.bag.typestore import typestore

    kind = 'event_camera_msgs/msg/EventPacket'
    types = typestore().types
    text, _ = typestore().generate_msgdef(kind, ros_version=2)
    with (tmp_path / 'a.mcap').open('wb') as stream:
        writer = Writer(stream)
        writer.start(profile='ros2')
        odd = writer.register_schema('own_msgs/msg/Odd', 'ros2msg', b'no_msgs/Such thing')
        odd = writer.register_channel('/odd', 'cdr', odd)
        schema = writer.register_schema(kind, 'ros2msg', text.encode())
        events = writer.register_channel('/events', 'cdr', schema)
        for i, number in enumerate((7, 8, 11, 12, 3)):
            time = types['builtin_interfaces/msg/Time'](1_700_000_000, i * 10_000_000)
            header = types['std_msgs/msg/Header'](time, 'abc'[: i % 4])
            packet = types[kind](header, 4, 6, number, 0, 'evt3', False, np.zeros(0, np.uint8))
            data = bytes(typestore().serialize_cdr(packet, kind))
            writer.add_message(events, START_NS + i, data, 0)
            writer.add_message(odd, START_NS + i, b'\0\1\0\0abcd', 0)
        writer.add_message(events, START_NS + 9, b'\0\1\0\0abcd', 0)
        writer.finish()
    assert cli.main(['inspect', str(tmp_path / 'a.mcap')]) == 0
    text = capsys.readouterr().out
    assert '/odd: type own_msgs/msg/Odd' in text
    assert '/events: sequence numbers say that 2 packets were lost' in text
    assert '/events: 1 messages are too short' in text


def test_a_closed_pipe_is_no_error(bag):
    command = [sys.executable, '-m', 'mmseg_ros', 'inspect', str(bag)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert b'Traceback' not in process.stderr.read()
        assert process.wait(60) == 141
