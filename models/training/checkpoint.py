"""Checkpoints for going on: everything that the next step depends on, written atomically."""

from __future__ import annotations

import io
import json
import logging
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from mmseg_models.tensors import load_strict
from mmseg_models.training.config import DataConfig, Recipe
from mmseg_models.training.optimization import (
    build_average,
    build_optimizer,
    build_schedule,
    follow_schedule,
)
from mmseg_models.training.run_config import OptimizerConfig, RunConfig
from mmseg_models.training.trained_weights import save_weights
from mmseg_ros.core.atomic_files import atomic_folder, write_bytes
from mmseg_ros.core.errors import MmsegError, TrainingError

LOG = logging.getLogger(__name__)
PREFIX = 'step_'
STATE_FILE = 'state.pt'
KEPT = 2
FREE_TO_CHANGE = (
    'resume',
    'run_dir',
    'threads',
    'log_every',
    'checkpoint_every',
    'steps',
    'compile',
    'patience',
    'tensorboard',
)
"""Recipe fields in which a resumed run may differ: where it ends, and what changes no step."""


@dataclass(frozen=True)
class Trainables:
    """The stateful objects of a run."""

    model: nn.Module
    average: AveragedModel
    optimizer: Optimizer
    schedule: LambdaLR
    scaler: GradScaler | None = None

    @classmethod
    def of(
        cls,
        model: nn.Module,
        config: OptimizerConfig,
        steps: int,
        scaler: GradScaler | None = None,
    ) -> Trainables:
        """Return a model with what trains it, before its first step."""
        optimizer = build_optimizer(model, config)
        schedule = build_schedule(optimizer, config, steps)
        return cls(model, build_average(model, config), optimizer, schedule, scaler)


@dataclass(frozen=True)
class Position:
    """Where a run stands.

    Attributes:
        step: Optimizer steps done; with the seed it fixes data order, augmentation and dropout.
        best_score: Score of the best weights so far; -inf before the first validation.
        generators: Per process a state of torch's generators, P x N uint8: what drop-path and
            dropout layers draw from.
        stale: Validations since the best one.
    """

    step: int
    best_score: float
    generators: Tensor
    stale: int = 0


def generator_state() -> Tensor:
    """Return the state of torch's generators of this process as one uint8 vector."""
    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states.append(torch.cuda.get_rng_state())
    return torch.cat(states)


def restore_generators(states: Tensor, rank: int) -> None:
    """Put back row `rank` of what the processes' `generator_state` returned.

    Raises:
        TrainingError: The checkpoint comes from fewer processes or another kind of device.
    """
    if rank >= len(states) or len(states[rank]) != len(generator_state()):
        raise TrainingError(
            f'The checkpoint was written by {len(states)} processes on another kind of device or '
            'in another number; resume with the same ones.'
        )
    cpu_size = len(torch.get_rng_state())
    # A copy: torch crashes on a row that does not begin its storage.
    torch.set_rng_state(states[rank, :cpu_size].clone())
    if torch.cuda.is_available():
        torch.cuda.set_rng_state(states[rank, cpu_size:].clone())


def checkpoint_folder(run_dir: Path) -> Path:
    """Return the folder below `run_dir` that holds the checkpoints."""
    return run_dir / 'checkpoints'


def latest_checkpoint(run_dir: Path) -> Path | None:
    """Return the newest complete checkpoint of a run, or None."""
    return max(checkpoint_folder(run_dir).glob(PREFIX + '[0-9]*[0-9]'), default=None)


def checkpoint_path(run_dir: Path, step: int) -> Path:
    """Return the folder of the checkpoint that is written after `step` steps."""
    return checkpoint_folder(run_dir) / f'{PREFIX}{step:08d}'


def step_of(checkpoint: Path) -> int:
    """Return after how many steps a checkpoint was written."""
    return int(checkpoint.name.removeprefix(PREFIX))


def save_checkpoint(
    run_dir: Path, trainables: Trainables, position: Position, recipe: dict[str, Any]
) -> Path:
    """Write a checkpoint; its folder appears complete or not at all, older ones are removed."""
    target = checkpoint_path(run_dir, position.step)
    state = {
        'step': position.step,
        'best_miou': position.best_score,  # its name when the score was always that
        'generators': position.generators,
        'stale': position.stale,
        'scaler': trainables.scaler.state_dict() if trainables.scaler else {},
        'num_averaged': trainables.average.n_averaged.cpu(),
        'optimizer': trainables.optimizer.state_dict(),
        'schedule': _plain(trainables.schedule.state_dict()),
        'recipe': json.dumps(recipe),
    }
    content = io.BytesIO()
    torch.save(state, content)
    with atomic_folder(target, replaces=True) as draft:
        save_weights(draft / 'model.safetensors', trainables.model.state_dict())
        save_weights(draft / 'average.safetensors', trainables.average.module.state_dict())
        write_bytes(draft / STATE_FILE, content.getbuffer())
    for old in sorted(target.parent.glob(PREFIX + '*'))[:-KEPT]:
        shutil.rmtree(old)
    return target


def load_checkpoint(path: Path, trainables: Trainables, recipe: dict[str, Any]) -> Position:
    """Put a checkpoint into `trainables` and return where the run stood.

    Raises:
        TrainingError: The checkpoint is damaged, or was made with another recipe.
    """
    try:
        state = torch.load(path / STATE_FILE, map_location='cpu', weights_only=True)
        weights = load_file(path / 'model.safetensors')
        average = load_file(path / 'average.safetensors')
    except Exception as error:  # torch.load raises many kinds for a damaged file
        raise TrainingError(
            f'{path}: cannot read the checkpoint ({error}); remove this folder to resume from the '
            'one before.'
        ) from error
    try:
        _check_recipe(path, json.loads(state['recipe']), recipe)
        load_strict(trainables.model, weights, source=str(path))
        load_strict(trainables.average.module, average, source=str(path))
        trainables.average.n_averaged.copy_(state['num_averaged'])
        trainables.optimizer.load_state_dict(state['optimizer'])
        trainables.schedule.load_state_dict(state['schedule'])
        _follow_steps(path, trainables, json.loads(state['recipe']), recipe)
        if trainables.scaler and state.get('scaler'):
            trainables.scaler.load_state_dict(state['scaler'])
        step, stale = int(state['step']), int(state.get('stale', 0))
        return Position(step, state['best_miou'], state['generators'], stale)
    except MmsegError:
        raise
    except Exception as error:  # whole files with other content than the trainer writes
        raise TrainingError(
            f'{path}: {STATE_FILE} does not hold what this trainer writes ({error!r}); '
            'remove this folder to resume from the one before.'
        ) from error


def _plain(schedule: dict[str, Any]) -> dict[str, Any]:
    """Leave out the schedule's function: it comes from the recipe."""
    return {**schedule, 'lr_lambdas': [None for _ in schedule['lr_lambdas']]}


def _check_recipe(path: Path, saved: dict[str, Any], current: dict[str, Any]) -> None:
    saved, current = _complete(saved), _complete(current)
    for key in saved.keys() | current.keys():
        if key not in FREE_TO_CHANGE and saved.get(key) != current.get(key):
            raise TrainingError(
                f'{path} was made with another recipe: {key} was {saved.get(key)} and is '
                f'{current.get(key)}. Resume with the saved recipe, or choose another run_dir.'
            )


def _follow_steps(
    path: Path, trainables: Trainables, saved: dict[str, Any], current: dict[str, Any]
) -> None:
    """Let a run of another length follow the schedule of that length from here on."""
    before, now = saved['steps'], current['steps']
    if before == now:
        return
    done = trainables.schedule.last_epoch
    if now < done:
        raise TrainingError(f'{path} has {done} steps, more than the {now} of this run.')
    rate = trainables.schedule.get_last_lr()[0]
    follow_schedule(trainables.schedule)
    LOG.info(
        'steps were %s and are %s: the learning rate goes from %.2e to %.2e',
        before, now, rate, trainables.schedule.get_last_lr()[0],
    )  # fmt: skip


def _complete(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe with defaults for what the version that wrote it did not know."""
    defaults = Recipe(run_dir='-', data=DataConfig(root='-')).to_dict()
    recipe = {**{item.name: defaults[item.name] for item in fields(RunConfig)}, **recipe}
    return {
        key: {**defaults[key], **value}
        if isinstance(value, dict) and isinstance(defaults.get(key), dict)
        else value
        for key, value in recipe.items()
    }
