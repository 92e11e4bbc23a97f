"""bf16 and fp16: the network computes in them, its weights stay fp32."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mmseg_models.training import engine
from mmseg_models.training.checkpoint import latest_checkpoint
from mmseg_models.training.engine import train, training_step
from mmseg_models.training.precision import build_precision, require_scale
from mmseg_models.training.setup import setup
from mmseg_ros.core.errors import TrainingError

DTYPES = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


@pytest.mark.parametrize('name', DTYPES)
def test_the_network_computes_in_the_precision_and_keeps_fp32_weights(recipe, with_fields, name):
    run = setup(with_fields(recipe, precision=name))
    seen = []
    layer = next(m for m in run.trainables.model.modules() if isinstance(m, torch.nn.Conv2d))
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    loss, gradient_norm = training_step(run, next(iter(run.batches)))
    assert set(seen) == {DTYPES[name]}
    assert loss.dtype == torch.float32
    assert torch.isfinite(gradient_norm)
    assert {p.dtype for p in run.trainables.model.parameters()} == {torch.float32}


def test_an_overflowing_gradient_costs_its_step_and_halves_the_scale(recipe, with_fields):
    run = setup(with_fields(recipe, precision='fp16'))
    batches = iter(run.batches)
    before = [p.detach().clone() for p in run.trainables.model.parameters()]
    first = next(run.trainables.model.parameters())
    handle = first.register_hook(lambda gradient: gradient * float('inf'))
    scale = run.trainables.scaler.get_scale()
    training_step(run, next(batches))
    assert run.trainables.scaler.get_scale() == scale / 2
    assert all(map(torch.equal, before, run.trainables.model.parameters()))
    handle.remove()
    training_step(run, next(batches))
    assert not all(map(torch.equal, before, run.trainables.model.parameters()))


def test_a_gradient_that_never_fits_ends_the_run():
    scaler = build_precision('fp16', 'cpu').scaler
    scaler.scale(torch.ones(1))  # makes the scale
    require_scale(scaler, 3)
    scaler.update(0.5)
    with pytest.raises(TrainingError, match=r'at step 3.*--precision bf16'):
        require_scale(scaler, 3)


def test_a_resumed_fp16_run_equals_the_uninterrupted_one(
    recipe, with_fields, tmp_path, monkeypatch
):
    recipe = with_fields(recipe, precision='fp16')
    train(recipe)
    other = with_fields(recipe, run_dir=str(tmp_path / 'other'), resume='auto')

    def failing(run, batch):
        if run.step == 4:
            raise InterruptedError
        return training_step(run, batch)

    with monkeypatch.context() as patch:
        patch.setattr(engine, 'training_step', failing)
        with pytest.raises(InterruptedError):
            train(other)
    train(other)
    paths = [latest_checkpoint(Path(r.run_dir)) for r in (recipe, other)]
    states = [torch.load(path / 'state.pt', weights_only=True) for path in paths]
    assert states[0]['scaler'] == states[1]['scaler']
    first, second = (load_file(path / 'model.safetensors') for path in paths)
    assert all(torch.equal(first[key], second[key]) for key in first)
