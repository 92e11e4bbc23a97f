"""`info` shows what is there, and names what is missing or damaged."""

import json

import pytest

from mmseg_ros import __version__, cli
from mmseg_ros.commands import info


def test_text_names_versions_parts_and_classes(capsys):
    assert cli.main(['info']) == 0
    text = capsys.readouterr().out
    assert f'mmseg_ros {__version__}' in text
    assert 'ROS 2 nodes' in text
    assert 'deliver: 25 classes' in text


def test_json_is_one_object(capsys):
    assert cli.main(['info', '--json']) == 0
    data = json.loads(capsys.readouterr().out)
    spaces = {space['name']: space for space in data['label_spaces']}
    assert spaces['deliver']['classes'][6] == 'Road'
    assert data['parts']['bags without ROS']['available'] is True


def test_a_missing_part_is_named(monkeypatch):
    monkeypatch.setitem(info._PARTS, 'teleport', (('no_such_module', 'no-such'),))
    data = info.collect()
    assert data['parts']['teleport']['missing'] == ['no_such_module']
    assert 'missing: no_such_module' in info._text(data)


@pytest.fixture
def damaged_share(tmp_path, monkeypatch):
    from mmseg_ros.core import resources

    (tmp_path / 'models/zoo/broken').mkdir(parents=True)
    (tmp_path / 'config/label_spaces').mkdir(parents=True)
    monkeypatch.setattr(resources, 'share_directory', lambda: tmp_path)
    return tmp_path


def test_a_damaged_bundle_is_named_and_no_error(damaged_share):
    data = info.collect()
    assert 'manifest.json is missing' in data['bundles'][0]['error']
    assert 'broken: unusable' in info._text(data)
