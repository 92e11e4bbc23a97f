"""A training run as one value: everything that `fit` and `validate` work on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from mmseg_models.training.checkpoint import Position, Trainables, generator_state
from mmseg_models.training.config import Recipe
from mmseg_models.training.distillation import Distillation
from mmseg_models.training.loading import ResizedFrames, validation_loader
from mmseg_models.training.normalization import Normalization
from mmseg_models.training.run_log import RunLog
from mmseg_models.training.subsets import ModalityDropout
from mmseg_models.training.trained_weights import TrainedInfo
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import FrameSource
from mmseg_ros.datasets.statistics import ChannelStatistics


@dataclass
class TrainingRun:
    """State and settings of one run.

    Attributes:
        fabric: Device, precision and processes.
        recipe: The resolved recipe.
        label_space: Classes of the labels.
        trainables: Network, weight average, optimizer and schedule.
        wrapped_model: The network as Fabric runs it. wrapped_optimizer: The same.
        loss: Maps logits and labels to a scalar.
        statistics: Of the modalities' channels. normalization: Made from them.
        dropout: Draws the available modalities of each step.
        distillation: Loss between a subset and the average with all sensors.
        batches: Loader of the remaining steps.
        val_frames: The validation split.
        log: Where rows go.
        step: Optimizer steps done.
        best_miou: Score of the best weights so far.
    """

    fabric: Fabric
    recipe: Recipe
    label_space: LabelSpace
    trainables: Trainables
    wrapped_model: nn.Module
    wrapped_optimizer: Optimizer
    loss: nn.Module
    statistics: dict[Modality, ChannelStatistics]
    normalization: Normalization
    dropout: ModalityDropout
    distillation: Distillation
    batches: DataLoader
    val_frames: FrameSource
    log: RunLog
    step: int
    best_miou: float
    num_train_frames: int

    @property
    def run_dir(self) -> Path:
        """Return the run folder."""
        return Path(self.recipe.run_dir)

    @property
    def epoch(self) -> int:
        """Return how many whole passes over the training split are done."""
        return self.step // (self.num_train_frames // self.recipe.batch_size)

    def validation_batches(self, max_frames: int) -> DataLoader:
        """Return this process's share of at most `max_frames` frames (0: all), evenly spaced."""
        total = len(self.val_frames)
        count = min(total, max_frames) if max_frames else total
        chosen = np.linspace(0, total - 1, count).astype(int)
        mine = chosen[self.fabric.global_rank :: self.fabric.world_size]
        data = self.recipe.data
        frames = ResizedFrames(self.val_frames, mine, data.height, data.width)
        loader = validation_loader(frames, self.recipe.batch_size, data.workers)
        return self.fabric.setup_dataloaders(loader, use_distributed_sampler=False)

    def trained_info(self, metrics: dict[str, Any]) -> TrainedInfo:
        """Return what has to be known about the current average weights."""
        data = self.recipe.data
        return TrainedInfo(
            model=self.recipe.model.name,
            options=self.trainables.model.options,
            modalities=tuple(data.modalities),
            encodings={name: data.encodings[name] for name in data.modalities},
            statistics=self.statistics,
            height=data.height,
            width=data.width,
            label_space=self.label_space,
            step=self.step,
            metrics=metrics,
            recipe=self.recipe.to_dict(),
        )

    def position(self) -> Position:
        """Return where the run stands, with the generators of all processes."""
        states = self.fabric.all_gather(generator_state())
        return Position(self.step, self.best_miou, states.view(self.fabric.world_size, -1).cpu())
