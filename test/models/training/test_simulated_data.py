"""A recipe makes the data set that it names, once."""

import logging
import threading
from pathlib import Path

import pytest

from mmseg_models.training import simulated_data
from mmseg_models.training.recipe_parser import (
    is_referring,
    parse_recipe,
    parse_referring_recipe,
)
from mmseg_models.training.simulated_data import SimulatedPart, ensure_data
from mmseg_ros.core.errors import ConfigError, DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.resources import share_directory
from mmseg_ros.datasets.deliver import DeliverDataset

TINY = (
    SimulatedPart(world='tiny', split='train', scenes=1, frames=3, height=32, width=48),
    SimulatedPart(world='tiny', split='val', scenes=1, frames=2, height=32, width=48),
)
RECIPES = sorted((share_directory() / 'models' / 'recipes').glob('*.yaml'))


def _frames(root, split):
    return len(DeliverDataset(root, split, ['rgb', 'lidar'], load_label_space()))


def test_a_missing_data_set_is_made(tmp_path, caplog):
    root = tmp_path / 'new' / 'set'
    with caplog.at_level(logging.INFO):
        ensure_data(root, TINY)
    assert (_frames(root, 'train'), _frames(root, 'val')) == (3, 2)
    assert '1 of 1 scenes' in caplog.text
    assert [path.name for path in root.parent.iterdir()] == ['set']


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    root = tmp_path / 'own'
    root.mkdir()
    ensure_data(root, TINY)
    assert not list(root.iterdir())


def test_without_parts_nothing_is_made(tmp_path):
    ensure_data(tmp_path / 'set', ())
    assert not (tmp_path / 'set').exists()


def test_an_interrupted_data_set_goes_on(tmp_path, monkeypatch):
    root, make = tmp_path / 'set', simulated_data._make

    def stops(root, part):
        if part.split == 'val':
            raise KeyboardInterrupt
        make(root, part)

    monkeypatch.setattr(simulated_data, '_make', stops)
    with pytest.raises(KeyboardInterrupt):
        ensure_data(root, TINY)
    monkeypatch.setattr(simulated_data, '_make', make)
    ensure_data(root, TINY)
    assert _frames(root, 'val') == 2
    assert not (tmp_path / 'set.unfinished').exists()


def test_other_processes_wait_for_the_first(tmp_path, monkeypatch):
    root = tmp_path / 'set'
    monkeypatch.setattr(simulated_data, '_POLL_S', 0.01)
    monkeypatch.setenv('RANK', '1')
    waiting = threading.Thread(target=ensure_data, args=(root, TINY), daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    assert not root.exists()
    monkeypatch.setenv('RANK', '0')
    ensure_data(root, TINY)
    waiting.join(10.0)
    assert not waiting.is_alive()


def test_without_the_simulator_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'mmseg_ros.sim.dataset', None)
    with pytest.raises(DatasetError, match=r'mmseg_ros\[sim\]'):
        ensure_data(tmp_path / 'set', [SimulatedPart()])


def test_a_wrong_part_is_named():
    with pytest.raises(ConfigError, match='scenes'):
        SimulatedPart(scenes=0)
    with pytest.raises(ConfigError, match='moon'):
        SimulatedPart(world='moon')


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: Path(path).stem)
def test_every_recipe_brings_its_data(path):
    parse = parse_referring_recipe if is_referring(str(path)) else parse_recipe
    parts = parse(['--config', str(path)]).data.simulate
    assert {part.split for part in parts} >= {'train', 'val'}
    assert len({(part.height, part.width) for part in parts}) == 1
