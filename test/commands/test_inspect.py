"""The verb reads stamps without decoding payloads, and what it suggests can be pasted."""

import json

import numpy as np
import pytest
import yaml

from mmseg_ros import cli
from mmseg_ros.bag.writer import BagWriter
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
    parameters = yaml.safe_load(text[text.index('# suggested') :])['/**']['ros__parameters']
    assert parameters['sensors.lidar.offset_s'] == -37.0
    assert parameters['sensors.rgb.expected_rate_hz'] == 10.0
    assert 0.0 < parameters['sync.deadline_s'] <= 0.1


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
    [('thermal', 'must be NAME=TOPIC'), ('thermal=/nope', 'has no topic /nope; it has /depth')],
)
def test_a_wrong_sensor_is_explained(bag, capsys, given, words):
    assert cli.main(['inspect', str(bag), '--sensors', given]) == 1
    assert words in capsys.readouterr().err
