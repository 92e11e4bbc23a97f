"""Checkpoints as other people's trainers save them."""

import numpy as np
import pytest
import torch
from torch import nn

from mmseg_models.tensors import found_names, read_tensors, unwrap
from mmseg_ros.core.errors import ConfigError

WEIGHTS = {'backbone.a': torch.ones(2), 'head.b': torch.zeros(3)}


def under(prefix):
    return {prefix + key: value for key, value in WEIGHTS.items()}


@pytest.mark.parametrize(
    'checkpoint',
    [
        WEIGHTS,
        {'epoch': 3, 'model_state_dict': WEIGHTS, 'optimizer_state_dict': {}, 'loss': 0.5},
        {'state_dict': {'state_dict': WEIGHTS}},
        {'model': {'module': WEIGHTS}},
        {'state_dict_ema': under('module.'), 'meta': {}},
        {'state_dict': under('model.'), 'hyper_parameters': {'lr': 1.0}},
        under('module.'),
        under('_orig_mod.'),
        under('_orig_mod.module.'),
        under('module._orig_mod.'),
        under('module.module._orig_mod._orig_mod.'),
        {'n_averaged': torch.tensor(5), **under('module.')},
        {'model': {'n_averaged': torch.tensor(5), **under('module._orig_mod.')}},
    ],
)
def test_wrappers_and_prefixes_come_off(tmp_path, checkpoint):
    torch.save(checkpoint, tmp_path / 'c.pth')
    tensors = read_tensors(tmp_path / 'c.pth')
    assert tensors.keys() == WEIGHTS.keys()
    assert all(torch.equal(tensors[key], value) for key, value in WEIGHTS.items())


def test_a_prefix_of_some_names_alone_stays():
    assert unwrap({'module.a': torch.ones(1), 'b': torch.ones(1)}).keys() == {'module.a', 'b'}


def test_the_error_names_what_was_found():
    with pytest.raises(ConfigError, match=r'only epoch \(int\), optimizer \(dict\)'):
        unwrap({'epoch': 3, 'optimizer': {}})
    with pytest.raises(ConfigError, match='only nothing'):
        unwrap({})
    names = found_names({f'layer.{i}': torch.ones(1) for i in range(10)})
    assert names.startswith('layer.0, layer.1')
    assert names.endswith('and 2 more')


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        ({'model': WEIGHTS, 'best_miou': np.float64(61.2)}, r'it holds a numpy\S*scalar'),
        (nn.Linear(2, 3), r'it holds a torch\.nn\.modules\.linear\.Linear'),
    ],
)
def test_pickled_code_is_never_run_and_is_named(tmp_path, content, named):
    torch.save(content, tmp_path / 'c.pth')
    with pytest.raises(ConfigError, match=named):
        read_tensors(tmp_path / 'c.pth')
