"""Two processes learn what one does with the double batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from mmseg_models.training.checkpoint import latest_checkpoint
from mmseg_models.training.engine import train

pytestmark = pytest.mark.slow
STILL = {'encoder': 'efficientnet_lite0', 'decoder_dim': 16, 'drop_path': 0.0}
"""Without dropout, which each process draws for itself."""


def rows(run_dir, kind):
    lines = (Path(run_dir) / 'log.jsonl').read_text().splitlines()
    return [row for row in map(json.loads, lines) if row['kind'] == kind]


@pytest.mark.parametrize('accumulate', [1, 2])
def test_two_processes_learn_what_one_does_with_the_double_batch(
    recipe, with_fields, tmp_path, accumulate
):
    """Each sample drops other sensors, and the classes are weighted: no process has its mean."""
    alone = with_fields(
        recipe,
        steps=3,
        batch_size=4,
        log_every=1,
        model__options={**STILL, 'adapter': 'shared', 'adapter_dropout': 0.0},
        model__batch_norm='running',
        loss__terms={'cross_entropy': 1.0, 'lovasz': 0.5},
        loss__class_weights='from_frequencies',
        modality_dropout__per='sample',
        modality_dropout__probability=0.7,
    )
    train(alone)
    shared = with_fields(alone, run_dir=str(tmp_path / 'shared'), accumulate=accumulate)
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(shared.to_dict()))
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2', '-m']
    command += ['mmseg_ros', 'train', '--config', str(path)]
    subprocess.run(command, check=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    for one, two in zip(rows(alone.run_dir, 'train'), rows(shared.run_dir, 'train'), strict=True):
        assert two['loss'] == pytest.approx(one['loss'], rel=1e-4)
        assert two['gradient_norm'] == pytest.approx(one['gradient_norm'], rel=1e-3)
    first, second = (
        load_file(latest_checkpoint(Path(r.run_dir)) / 'model.safetensors')
        for r in (alone, shared)
    )
    assert all(torch.allclose(first[key], second[key], atol=3e-3) for key in first)
    assert len(rows(shared.run_dir, 'final')) == 1
