"""Sensor subsets: all of them, by name, and as drawn in training."""

import numpy as np
import pytest

from mmseg_models.training.subsets import ModalityDropout
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.subsets import all_subsets, availability, parse_subset

FOUR = ('rgb', 'depth', 'event', 'lidar')


def dropout(**changes):
    settings = {
        'modalities': FOUR,
        'probability': 0.7,
        'ramp_steps': 0,
        'per_sample': False,
        'seed': 1,
    }
    return ModalityDropout(**{**settings, **changes})


def test_all_subsets():
    subsets = all_subsets(FOUR)
    assert len(subsets) == len(set(subsets)) == 15
    assert subsets[0] == FOUR
    assert [len(subset) for subset in subsets] == [4] + [3] * 4 + [2] * 6 + [1] * 4


def test_parse_subset_orders_and_rejects():
    assert parse_subset('lidar+rgb', FOUR) == ('rgb', 'lidar')
    assert availability(('lidar',), FOUR).tolist() == [False, False, False, True]
    for wrong in ('', 'rgb+radar'):
        with pytest.raises(ConfigError, match='rgb, depth, event, lidar'):
            parse_subset(wrong, FOUR)


@pytest.mark.parametrize('per_sample', [False, True])
@pytest.mark.parametrize('num_modalities', [1, 2, 3, 4])
def test_every_subset_is_reached_and_none_is_empty(num_modalities, per_sample):
    draw = dropout(modalities=FOUR[:num_modalities], per_sample=per_sample)
    rows = np.concatenate([draw(step, 2) for step in range(400)])
    assert rows.any(axis=1).all()
    assert len({tuple(row) for row in rows.tolist()}) == 2**num_modalities - 1


def test_probability_of_the_full_set():
    draw = dropout(probability=0.4)
    full = np.mean([draw(step, 1).all() for step in range(4000)])
    assert full == pytest.approx(0.6, abs=0.03)
    assert all(dropout(probability=0.0)(step, 3).all() for step in range(50))
    assert not any(dropout(probability=1.0)(step, 3).all() for step in range(50))


def test_chance_rises_over_the_ramp():
    draw = dropout(probability=1.0, ramp_steps=1000)
    dropped = np.array([not draw(step, 1).all() for step in range(2000)])
    assert dropped[:100].mean() < 0.2
    assert dropped[450:550].mean() == pytest.approx(0.5, abs=0.2)
    assert dropped[1000:].all()


def test_draw_depends_on_seed_and_step_alone():
    first, second = dropout(per_sample=True), dropout(per_sample=True)
    assert all(np.array_equal(first(step, 8), second(step, 8)) for step in (5, 3, 9))
    assert any(
        not np.array_equal(first(step, 8), dropout(per_sample=True, seed=2)(step, 8))
        for step in range(5)
    )


def test_batch_shares_one_subset_and_samples_do_not():
    batch = [dropout()(step, 8) for step in range(20)]
    assert all((mask == mask[0]).all() for mask in batch)
    sample = [dropout(per_sample=True)(step, 8) for step in range(20)]
    assert any((mask != mask[0]).any() for mask in sample)


def test_weights_change_the_chances_of_the_proper_subsets():
    draw = dropout(probability=1.0, weights={'rgb': 13.0, 'lidar+depth': 0.0})
    drawn = [tuple(draw(step, 1)[0].tolist()) for step in range(4000)]
    share = {code: drawn.count(code) / len(drawn) for code in set(drawn)}
    assert share[True, False, False, False] == pytest.approx(13 / 25, abs=0.03)
    assert share[False, False, True, True] == pytest.approx(1 / 25, abs=0.015)
    assert (False, True, False, True) not in share
    assert (True, True, True, True) not in share


@pytest.mark.parametrize('weights', [{'radar': 1.0}, {'rgb': -1.0}, {'+'.join(FOUR): 2.0}])
def test_wrong_weights_are_rejected(weights):
    with pytest.raises(ConfigError, match='rgb, depth, event, lidar'):
        dropout(weights=weights)
