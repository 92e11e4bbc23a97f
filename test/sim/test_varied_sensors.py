import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.projection import load_rig
from mmseg_ros.sim import dataset
from mmseg_ros.sim.dataset import DatasetConfig, ScenePlan
from mmseg_ros.sim.varied_sensors import draw_sensors


def _sets(count=60):
    rig = load_rig()
    return rig, [draw_sensors(seed, rig, 150.0) for seed in range(count)]


def test_equal_seeds_draw_equal_sets():
    rig = load_rig()
    a, b = draw_sensors(4, rig, 150.0), draw_sensors(4, rig, 150.0)
    assert a.rig.to_dict() == b.rig.to_dict()
    assert (a.lidar, a.depth, a.events) == (b.lidar, b.depth, b.events)


def test_every_kind_of_lidar_and_the_rig_itself_are_drawn():
    rig, drawn = _sets()
    assert {item.lidar.rings for item in drawn} == {16, 32, 64, 128}
    assert all(item.lidar.sector_deg == 150.0 for item in drawn)
    kept = [item for item in drawn if item.rig is rig]
    assert 0.1 < len(kept) / len(drawn) < 0.5


def test_mounts_lenses_and_noise_differ_within_reason():
    _, drawn = _sets()
    height = np.array([item.rig.T_base('rgb')[2, 3] for item in drawn])
    focal = np.array([item.rig.camera('rgb').K[0, 0] for item in drawn])
    down = np.array([np.rad2deg(np.arcsin(-item.rig.T_base('rgb')[2, 2])) for item in drawn])
    assert height.min() > 1.0
    assert height.max() > 2.0
    assert focal.max() / focal.min() > 1.5
    assert np.abs(down).max() < 12
    assert down.max() - down.min() > 6
    thresholds = [item.events.threshold for item in drawn]
    assert max(thresholds) > 2 * min(thresholds)
    assert len({item.depth.noise_per_m for item in drawn}) == len(drawn)


def test_the_cameras_of_a_drawn_rig_look_the_same_way():
    _, drawn = _sets(20)
    for item in drawn:
        R = item.rig.T('rgb', 'depth')[:3, :3]
        np.testing.assert_allclose(R, np.eye(3), atol=1e-9)
        assert np.linalg.norm(item.rig.T('rgb', 'event')[:3, 3]) < 0.4


@pytest.mark.parametrize(
    ('rigs', 'split', 'varied'),
    [('train', 'train', True), ('train', 'val', False), ('all', 'val', True),
     ('fixed', 'train', False)],
)  # fmt: skip
def test_a_data_set_varies_the_scenes_that_it_should(tmp_path, monkeypatch, rigs, split, varied):
    monkeypatch.setattr('mmseg_ros.sim.varied_sensors.NOMINAL_SHARE', 0.0)
    config = DatasetConfig(out=tmp_path, scenes=1, frames=1, rigs=rigs)
    rig = load_rig()
    settings = dataset._drive_config(config, rig, ScenePlan(7, 'sun', '', split, 'x'))
    assert (settings.rig is not rig) == varied
    assert settings.lidar.sector_deg == dataset.SECTOR_DEG


def test_an_unknown_choice_of_rigs_is_named(tmp_path):
    with pytest.raises(ConfigError, match='sometimes'):
        DatasetConfig(out=tmp_path, scenes=1, frames=1, rigs='sometimes')
