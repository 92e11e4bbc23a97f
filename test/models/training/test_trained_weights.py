"""Weights on disk: complete, readable, and rejected when they do not fit."""

import pytest
import torch
from safetensors.torch import save_file

from mmseg_models import create_model
from mmseg_models.tensors import load_strict
from mmseg_models.training.trained_weights import (
    TrainedInfo,
    load_trained,
    save_trained,
)
from mmseg_ros.core.errors import ConfigError, TrainingError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.statistics import IMAGENET, ChannelStatistics

OPTIONS = {'encoder': 'mit_b0', 'modalities': ['rgb', 'lidar'], 'decoder_dim': 16}


@pytest.fixture(scope='module')
def model():
    return create_model('stitchfusion', **OPTIONS)


@pytest.fixture(scope='module')
def info(model):
    return TrainedInfo(
        model='stitchfusion',
        options=model.options,
        modalities=('rgb', 'lidar'),
        encodings={'rgb': 'rgb', 'lidar': 'range_intensity_height'},
        statistics={
            'rgb': IMAGENET,
            'lidar': ChannelStatistics((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        },
        height=64,
        width=96,
        label_space=load_label_space('deliver'),
        step=12,
        metrics={'rgb': {'miou': 0.5, 'iou': {'Road': 0.9, 'Bus': None}}},
        recipe={'steps': 12},
    )


def test_round_trip(model, info, tmp_path):
    path = tmp_path / 'best.safetensors'
    save_trained(path, model.state_dict(), info)
    loaded, loaded_info = load_trained(tmp_path)
    assert loaded_info == info
    assert loaded_info.mean == {'rgb': IMAGENET.mean, 'lidar': (0.1, 0.2, 0.3)}
    assert loaded_info.std['lidar'] == (0.4, 0.5, 0.6)
    assert not loaded.training
    assert all(torch.equal(t, loaded.state_dict()[k]) for k, t in model.state_dict().items())
    assert [file.name for file in tmp_path.iterdir()] == ['best.safetensors']
    assert load_trained(path)[1] == info


def test_missing_damaged_and_bare_files_are_rejected(model, tmp_path):
    with pytest.raises(TrainingError, match='cannot read'):
        load_trained(tmp_path)
    path = tmp_path / 'best.safetensors'
    path.write_bytes(b'\x10\0\0\0nothing')
    with pytest.raises(TrainingError, match='cannot read'):
        load_trained(tmp_path)
    save_file({k: t.contiguous() for k, t in model.state_dict().items()}, path)
    with pytest.raises(TrainingError, match='metadata'):
        load_trained(tmp_path)


def test_all_differences_are_named_and_nothing_is_loaded(model):
    state = {name: torch.zeros_like(tensor) for name, tensor in model.state_dict().items()}
    names = list(state)
    del state[names[0]]
    state['stranger'] = torch.zeros(1)
    state[names[5]] = torch.zeros(7, 7, 7)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ConfigError) as error:
        load_strict(model, state, source='somewhere')
    for part in ('somewhere', names[0], 'stranger', f'{names[5]} is (7, 7, 7)'):
        assert part in str(error.value)
    assert all(torch.equal(t, before[k]) for k, t in model.state_dict().items())


@pytest.mark.parametrize(
    'text', ['{}', '[]', 'no json', '{"modalities": 5}', '[' * 100_000, '{"modalities": ["rgb"]}']
)
def test_weights_that_say_something_else_are_named(tmp_path, model, text):
    path = tmp_path / 'other.safetensors'
    save_file(model.state_dict(), path, {'mmseg_ros': text})
    with pytest.raises(TrainingError, match=r'other\.safetensors'):
        load_trained(path)
