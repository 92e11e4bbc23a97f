"""A recipe tried without its data: all is built, two steps are taken on generated frames."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from mmseg_models.training.config import Recipe
from mmseg_models.training.engine import training_step
from mmseg_models.training.run import TrainingRun
from mmseg_models.training.setup import setup
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.datasets.folder import FILE
from mmseg_ros.labelling.image_files import write_image

STEPS = 2
_KILO = 1024.0 if sys.platform != 'darwin' else 1.0
_STRIPES = 16


@dataclass(frozen=True, slots=True)
class DryRun:
    """What two steps showed.

    Attributes:
        parameters: Of the network. trainable: Those that learn.
        losses: Of the two steps.
        memory_mb: Most memory: of the GPU where there is one, else of the process.
        device: Where it ran.
        step_s: Seconds of the second step. steps: Of the whole recipe.
    """

    parameters: int
    trainable: int
    losses: tuple[float, ...]
    memory_mb: float
    device: str
    step_s: float
    steps: int

    def text(self) -> str:
        """Return it as lines for a terminal."""
        hours = self.step_s * self.steps / 3600
        losses = ', '.join(f'{loss:.3f}' for loss in self.losses)
        return (
            f'parameters        {self.parameters:,} ({self.trainable:,} learn)\n'
            f'losses            {losses}\n'
            f'memory            {self.memory_mb:,.0f} MB on {self.device} (measured)\n'
            f'time              {self.step_s:.2f} s a step, {hours:,.1f} h for {self.steps:,} '
            'steps on this machine, without validation\n'
        )


def dry_run(recipe: Recipe) -> DryRun:
    """Build everything that a recipe names and take two steps on frames of its shapes.

    The data set, published weights and the run folder are not touched: frames are generated in
    a temporary folder, and the network starts at random.

    Args:
        recipe: As it would be trained; its network, sizes, batch, loss and precision count.

    Raises:
        ConfigError: The recipe contradicts itself.
        TrainingError: A loss or gradient is NaN or infinite.
    """
    space = load_label_space(recipe.data.label_space)
    with tempfile.TemporaryDirectory(prefix='mmseg_dry_run_') as folder:
        write_frames(Path(folder) / 'data', recipe, space)
        run: TrainingRun[Any] = setup(_offline(recipe, Path(folder), space))
        with run.log:
            return _take_steps(run, recipe.steps)


def write_frames(root: Path, recipe: Recipe, space: LabelSpace) -> None:
    """Write one batch of noise with stripes of classes, in the folder format, for each split."""
    data = recipe.data
    rng = np.random.default_rng(recipe.seed)
    stripe = np.arange(data.width) * _STRIPES // data.width % space.num_classes
    labels = np.repeat(stripe[None].astype(np.uint8), data.height, axis=0)
    for split, count in (('train', recipe.batch_size), ('val', 1)):
        for number in range(count):
            for name in data.modalities:
                pixels = rng.integers(0, 256, (data.height, data.width, 3)).astype(np.uint8)
                if data.encodings[name] in ('grey', 'dolp'):
                    pixels = np.repeat(pixels[..., :1], 3, axis=2)
                write_image(root / name / split / f'{number}.png', pixels, durable=False)
            write_image(root / 'labels' / split / f'{number}.png', labels, durable=False)
    description = {
        'labels': {'path': 'labels/{split}/{name}.png'},
        'modalities': {
            name: {'path': name + '/{split}/{name}.png', 'encoding': data.encodings[name]}
            for name in data.modalities
        },
    }
    write_text(root / FILE, yaml.safe_dump(description))


def _offline(recipe: Recipe, folder: Path, space: LabelSpace) -> Recipe:
    """Return the recipe on generated data, without weights of others."""
    same = {'mean': [0.5] * 3, 'std': [0.25] * 3}
    data = replace(
        recipe.data,
        root=str(folder / 'data'),
        format='folder',
        train_split='train',
        val_split='val',
        protocol='correct',
        conditions=[],
        simulate=[],
        workers=0,
        statistics=dict.fromkeys(recipe.data.modalities, same),
    )
    steps = max(STEPS, recipe.optimizer.warmup_steps + 1)
    return replace(
        recipe,
        data=data,
        model=replace(recipe.model, pretrained=''),
        run_dir=str(folder / 'run'),
        resume='never',
        init_from='',
        steps=steps,
    )


def _take_steps(run: TrainingRun[Any], steps: int) -> DryRun:
    device = run.fabric.device
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
    losses, step_s = [], 0.0
    batches = iter(run.batches)
    for _ in range(STEPS):
        began_s = time.perf_counter()
        loss, _ = training_step(run, next(batches))
        losses.append(float(loss))
        step_s = time.perf_counter() - began_s
        run.step += 1
    weights = list(run.trainables.model.parameters())
    return DryRun(
        parameters=sum(p.numel() for p in weights),
        trainable=sum(p.numel() for p in weights if p.requires_grad),
        losses=tuple(losses),
        memory_mb=_memory_mb(device),
        device=str(device),
        step_s=step_s,
        steps=steps,
    )


def _memory_mb(device: torch.device) -> float:
    if device.type == 'cuda':
        return float(torch.cuda.max_memory_allocated(device)) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILO / 1e6
