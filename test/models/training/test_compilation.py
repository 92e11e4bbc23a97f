"""compile: the same numbers and names, and no compiling without end."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch._dynamo.utils import counters

from mmseg_models import create_model
from mmseg_models.training import compilation
from mmseg_models.training.checkpoint import latest_checkpoint
from mmseg_models.training.compilation import compile_parts, compiled_parts
from mmseg_models.training.engine import train
from mmseg_models.training.trained_weights import load_trained
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.subsets import all_subsets, availability

MODALITIES = ('rgb', 'depth', 'lidar')


@pytest.fixture
def traced(monkeypatch):
    """Trace and guard as torch.compile does, but run the graphs as they are: seconds less."""
    compile_in_place = nn.Module.compile
    torch._dynamo.reset()
    counters.clear()
    monkeypatch.setattr(torch._dynamo.config, 'fail_on_recompile_limit_hit', True)
    monkeypatch.setattr(
        nn.Module, 'compile', lambda self, **how: compile_in_place(self, backend='eager', **how)
    )
    yield
    torch._dynamo.reset()


def test_no_subset_is_compiled_anew_once_each_number_of_sensors_was_seen(traced, tiny_encoders):
    torch.manual_seed(0)
    network = create_model(
        'stitchfusion',
        encoder='efficientnet_lite_tiny_test',
        modalities=MODALITIES,
        decoder_dim=16,
        num_classes=5,
    ).train()
    keys = list(network.state_dict())
    parts = compile_parts(network, 'cpu')
    assert parts
    assert list(network.state_dict()) == keys
    images = torch.randn(2, 3, 3, 32, 64)
    graphs = []
    for subset in all_subsets(MODALITIES) * 2:
        row = torch.from_numpy(availability(subset, MODALITIES)).repeat(2, 1)
        network(images, row).sum().backward()
        graphs.append(counters['stats']['unique_graphs'])
    assert graphs[0] >= len(parts)
    assert graphs[-1] == graphs[4] <= graphs[0] + len(parts)  # 4: the first sensor alone


def test_parts_that_are_told_the_subset_are_left_alone():
    network = create_model('stitchfusion', encoder='mit_b0', modalities=MODALITIES)
    kinds = {type(part).__name__ for part in compiled_parts(network)}
    assert {'MixMlp', 'SegFormerHead'} <= kinds
    assert not {'Encoder', 'StitchBlock', 'SumFusion', 'Linear'} & kinds


def test_a_compiled_run_is_resumed_and_loaded_like_any_other(
    recipe, with_fields, tmp_path, traced
):
    train(recipe)
    other = with_fields(recipe, compile=True, run_dir=str(tmp_path / 'other'))
    train(other)
    weights = [
        load_file(latest_checkpoint(Path(r.run_dir)) / 'model.safetensors')
        for r in (recipe, other)
    ]
    assert weights[0].keys() == weights[1].keys()
    assert not any('_orig_mod' in key for key in weights[1])
    assert all(torch.allclose(weights[0][k], weights[1][k], atol=1e-4) for k in weights[0])
    model, _ = load_trained(other.run_dir)
    assert isinstance(model, nn.Module)
    longer = with_fields(other, compile=False, resume='auto', steps=7)
    train(longer)
    assert latest_checkpoint(Path(other.run_dir)).name == 'step_00000007'


def test_without_a_compiler_the_recipe_is_rejected(monkeypatch):
    def none():
        raise cpp_error

    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    cpp_error = InvalidCxxCompiler()
    monkeypatch.setattr(cpp_builder, 'get_cpp_compiler', none)
    with pytest.raises(ConfigError, match=r'install g\+\+'):
        compilation.compile_parts(nn.Linear(1, 1), 'cpu')
