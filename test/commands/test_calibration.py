"""Calibration of a bag or a file, as text and as our YAML."""

import json

import numpy as np
import pytest

from mmseg_ros import cli
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import ImageData, SensorSample
from mmseg_ros.projection.extrinsics import load_rig

KOIDE3 = {
    'camera': {
        'camera_model': 'plumb_bob',
        'intrinsics': [800.0, 810.0, 640.0, 360.0],
        'distortion_coeffs': [0.1, -0.05, 0.001, 0.0, 0.0],
    },
    'results': {'T_lidar_camera': [0.3, 0.0, -0.1, -0.5, 0.5, -0.5, 0.5]},
}


@pytest.fixture
def koide3(tmp_path):
    path = tmp_path / 'calib.json'
    path.write_text(json.dumps(KOIDE3))
    return path


def test_convert_keeps_every_number(koide3, tmp_path, capsys):
    out = tmp_path / 'rig.yaml'
    command = ['calibration', 'convert', str(koide3), str(out)]
    assert cli.main([*command, '--image-size', '1280x720']) == 0
    rig, source = load_rig(out), load_rig(koide3, (720, 1280))
    assert rig.camera('rgb') == source.camera('rgb')
    np.testing.assert_array_equal(rig.T('rgb', 'lidar'), source.T('rgb', 'lidar'))
    assert cli.main(command) == 0
    assert 'rgb lacks the size of its image' in capsys.readouterr().out
    assert load_rig(out, (720, 1280)).camera('rgb') == source.camera('rgb')


def test_show_tells_what_is_missing(koide3, capsys):
    assert cli.main(['calibration', 'show', str(koide3)]) == 0
    text = capsys.readouterr().out
    assert 'fx 800.0 px, image size unknown' in text
    assert 'rgb lacks the size' in text


def test_show_of_a_bag_draws_its_frames(tmp_path, capsys):
    rig = load_rig()
    with BagWriter(tmp_path / 'b') as bag:
        bag.write_calibration(1, rig)
        pixels = ImageData(np.zeros((384, 640, 3), np.uint8))
        bag.write_sample(SensorSample('rgb', 2, 'camera_optical', pixels))
        bag.write_sample(SensorSample('thermal', 2, 'nowhere', pixels))
    assert cli.main(['calibration', 'show', str(tmp_path / 'b')]) == 0
    text = capsys.readouterr().out
    assert text.startswith('base_link\n  camera_optical\n')
    assert '640 x 384, hfov 70.0 deg' in text
    assert 'thermal lacks its pose and its intrinsics.' in text


def test_wrong_use_is_named(koide3, tmp_path, capsys):
    assert cli.main(['calibration', 'convert', str(koide3)]) == 1
    assert 'needs IN and OUT' in capsys.readouterr().err
    target = str(tmp_path / 'no' / 'rig.yaml')
    assert cli.main(['calibration', 'convert', str(koide3), target]) == 1
    assert 'cannot be written' in capsys.readouterr().err
    assert cli.main(['calibration', 'show', str(tmp_path / 'absent.yaml')]) == 1
    assert 'absent.yaml' in capsys.readouterr().err
