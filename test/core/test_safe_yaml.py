"""Text files of others: bombs, pipes and devices are rejected before they cost anything."""

import os
import time

import pytest

from mmseg_ros.bag.faults import load_schedule
from mmseg_ros.bag.nuscenes_folders import _read
from mmseg_ros.bag.sensor_setup import read_setup_file
from mmseg_ros.core.class_map import load_class_map
from mmseg_ros.core.errors import (
    BundleError,
    CalibrationError,
    ConfigError,
    DatasetError,
    EvaluationError,
    MmsegError,
)
from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.core.rig_file import read_rig_file
from mmseg_ros.core.safe_yaml import MOST_BYTES, load_json, load_yaml, parse_yaml
from mmseg_ros.datasets.refer_coco import _read_instances
from mmseg_ros.datasets.refer_sim import _read_json
from mmseg_ros.evaluation.comparison import load_metrics
from mmseg_ros.evaluation.label_map import load_label_map
from mmseg_ros.inference.bundle import read_manifest
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.sim.dataset import DatasetConfig, _claim

LAUGHS = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n' + ''.join(
    f'a{k}: &a{k} [{", ".join([f"*a{k - 1}"] * 9)}]\n' for k in range(1, 12)
)
BOMBS = {
    'aliases': (LAUGHS, 'aliases written out'),
    'itself': ('a: &a [*a]', 'names what holds it'),
    'flow': ('[' * 50_000 + ']' * 50_000, 'deeper|nest'),
    'block': (''.join(' ' * k + 'a:\n' for k in range(200)), 'deeper'),
    'long': ('#' * (MOST_BYTES + 1), 'longer than'),
    'zero': ('a: "\0"', 'zero bytes'),
    'tag': ('a: !!python/object/apply:os.system ["true"]', 'cannot read'),
    'number': ('a: ' + '9' * 5000, 'cannot read'),
    'date': ('a: 2001-99-99', 'cannot read'),
    'binary': (b'\xff\xfe\x00', 'cannot read'),
}


def manifest(path):
    folder = path.parent / 'bundle'
    folder.mkdir(exist_ok=True)
    if not os.path.lexists(folder / 'manifest.json'):
        (folder / 'manifest.json').symlink_to(path)
    return read_manifest(folder)


def simulated(path):
    """Read what says of which kind a simulated data set is."""
    folder = path.parent / 'set'
    folder.mkdir(exist_ok=True)
    if not os.path.lexists(folder / 'dataset.yaml'):
        (folder / 'dataset.yaml').symlink_to(path)
    _claim(DatasetConfig(out=folder, scenes=1, frames=1), load_rig())


READERS = {
    'simulated': (simulated, DatasetError),
    'rig of launch': (lambda path: read_rig_file(path, ['bundle']), ConfigError),
    'class map': (lambda path: load_class_map(str(path)), ConfigError),
    'label map': (lambda path: load_label_map(path, load_label_space('deliver')), ConfigError),
    'calibration': (load_rig, CalibrationError),
    'labels': (lambda path: load_label_space(str(path)), ConfigError),
    'schedule': (load_schedule, ConfigError),
    'sensors': (read_setup_file, ConfigError),
    'manifest': (manifest, BundleError),
    'plain': (lambda path: load_yaml(path, ConfigError), ConfigError),
}


@pytest.fixture(params=READERS)
def reader(request):
    return READERS[request.param]


JSON_READERS = {
    'metrics': (load_metrics, EvaluationError),
    'nuscenes': (_read, DatasetError),
    'text prompts': (_read_json, DatasetError),
    'coco': (lambda path: _read_instances(path, set()), DatasetError),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize('of', JSON_READERS)
@pytest.mark.parametrize('bomb', ['pipe', 'device', 'flow', 'zero', 'number', 'binary', 'list'])
def test_tables_of_others_are_rejected_by_name(tmp_path, of, bomb):
    read, error = JSON_READERS[of]
    path = tmp_path / 'table.json'
    if bomb == 'pipe':
        os.mkfifo(path)
    elif bomb == 'device':
        path.symlink_to('/dev/zero')
    else:
        content = {'list': '[1, [2], "x"', **{k: v for k, (v, _) in BOMBS.items()}}[bomb]
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error, match=r'table\.json'):
        read(path)


@pytest.mark.parametrize('bomb', BOMBS)
def test_a_bomb_is_rejected_at_once(tmp_path, reader, bomb):
    read, error = reader
    content, words = BOMBS[bomb]
    path = tmp_path / 'file.yaml'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    began_s = time.process_time()
    with pytest.raises(error, match=None if read is manifest else words):
        read(path)
    assert time.process_time() - began_s < 20


@pytest.mark.timeout(20)
@pytest.mark.parametrize('kind', ['pipe', 'device', 'folder', 'absent'])
def test_what_is_no_regular_file_is_rejected(tmp_path, reader, kind):
    read, error = reader
    path = tmp_path / 'file.yaml'
    if kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'device':
        path.symlink_to('/dev/zero')
    elif kind == 'folder':
        path.mkdir()
    elif read is simulated:
        return  # a new data set has none yet
    with pytest.raises(error):
        read(path)


def test_ordinary_anchors_and_json_are_taken(tmp_path):
    text = 'base: &base {a: 1}\nmine:\n  <<: *base\n  b: [*base, *base]\n'
    assert parse_yaml(text, 'text', ConfigError)['mine']['a'] == 1
    path = tmp_path / 'file.json'
    path.write_text('{"a": [1, 2.5, null]}')
    assert load_yaml(path, ConfigError) == load_json(path, ConfigError) == {'a': [1, 2.5, None]}
    path.write_text('[' * 100_000)
    with pytest.raises(BundleError, match='JSON'):
        load_json(path, BundleError)


@pytest.mark.parametrize(
    'change',
    [
        {'ignore_id': 70_000},
        {'ignore_id': -1},
        {'ignore_id': float('inf')},
        {'ignore_id': float('nan')},
        {'ignore_id': 10**400},
        {'id': 'x' * 1000},
        {'classes': [{'id': 0, 'name': 'a\0b', 'color': [0, 0, 0]}]},
        {'classes': [{'id': 0, 'name': 'x' * 10**6, 'color': [0, 0, 0]}]},
        {'classes': [{'id': float('inf'), 'name': 'a', 'color': [0, 0, 0]}]},
        {'classes': 'abc'},
        {'classes': [7]},
    ],
)
def test_label_spaces_out_of_range_are_named(change):
    good = {'id': 'x', 'ignore_id': 255, 'classes': [{'id': 0, 'name': 'a', 'color': [0, 0, 0]}]}
    assert LabelSpace.from_dict(good).num_classes == 1
    with pytest.raises(MmsegError) as caught:
        LabelSpace.from_dict({**good, **change})
    assert len(str(caught.value)) < 2000
