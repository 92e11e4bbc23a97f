"""Training of a segmentation network: what one step learns from, and how weights are scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmseg_models.module_lists import channels_last
from mmseg_models.reference_weights import load_pretrained_encoder
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.tensors import load_strict
from mmseg_models.training.config import Recipe
from mmseg_models.training.distillation import Distillation
from mmseg_models.training.loading import (
    AugmentedFrames,
    Batch,
    FittedFrames,
    StepSampler,
    collate,
    in_turn,
    training_loader,
    validation_loader,
)
from mmseg_models.training.normalization import Normalization
from mmseg_models.training.parts import Part, part_rows, shares_of_parts
from mmseg_models.training.pictures import write_picture
from mmseg_models.training.rarity import frame_chances
from mmseg_models.training.segmentation_setup import (
    build_augmentation,
    build_copy_paste,
    build_dropout,
    build_loss,
    build_model,
    first_weights,
    open_split,
)
from mmseg_models.training.simulated_data import ensure_data
from mmseg_models.training.task import Scores
from mmseg_models.training.trained_weights import TrainedInfo, read_trained, save_trained
from mmseg_models.training.validation import SubsetScorer, best_subset, decisive
from mmseg_models.training.views import Views
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.subsets import all_subsets, parse_subset, subset_name
from mmseg_ros.projection.fit import Fit

PICTURES = 4


class SegmentationTask:
    """A network that gives every pixel a class, from any subset of the sensors; see `Task`.

    Args:
        recipe: What is trained on what. fabric: Device, precision and processes.

    Attributes:
        statistics: Of the modalities' channels. normalization: Made from them.
        dropout: Draws the available modalities of each step.

    Raises:
        ConfigError: The recipe contradicts itself, or first weights do not fit.
        DatasetError: The data set is incomplete.
    """

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        self.recipe = recipe
        self.batch_size = recipe.batch_size
        self.validate_every = recipe.validation.every
        self._fabric = fabric
        ensure_data(recipe.data.root, recipe.data.simulate)
        self._label_space = load_label_space(recipe.data.label_space)
        self._train_frames = open_split(recipe, recipe.data.train_split, self._label_space)
        self._val_frames = open_split(recipe, recipe.data.val_split, self._label_space)
        self.num_items = len(self._train_frames)
        model = build_model(recipe, self._label_space)
        if recipe.model.pretrained:
            load_pretrained_encoder(model, recipe.model.pretrained)
        self.statistics = first_weights(recipe, model, self._train_frames)
        self.network = channels_last(model)
        self.normalization = Normalization(self.statistics)
        fabric.to_device(self.normalization)
        self.dropout = build_dropout(recipe)
        self._loss = build_loss(recipe, self._train_frames, self._label_space)
        fabric.to_device(self._loss)
        self._scorer = self._build_scorer()

    def begin(self, average: nn.Module) -> None:
        """Let the average teach, if the recipe says so."""
        teacher = cast('SegmentationModel', average)
        self._distillation = Distillation(self.network, teacher, self.recipe.distillation)

    def loader(self, sampler: StepSampler) -> DataLoader[Any]:
        """Return a loader of augmented frames, some of them drawn for their rare classes."""
        data, space = self.recipe.data, self._label_space
        if data.rare_frames:
            chances = frame_chances(self._train_frames, space)
            sampler = replace(sampler, drawn=data.rare_frames, chances=chances)
        augmentation = build_augmentation(self.recipe, space.ignore_id)
        paste = build_copy_paste(self.recipe, self._train_frames, space)
        frames = AugmentedFrames(self._train_frames, augmentation, self.recipe.seed, paste)
        return training_loader(frames, sampler, data.workers, collate)

    def parts(self, batch: Batch, count: int) -> list[Part[Batch]]:
        """Return the frames in equal parts, which add up to the losses of the whole batch."""
        rows = part_rows(len(batch.labels), count)
        shares = shares_of_parts(self._fabric, self._loss, batch.labels, rows)
        return [
            Part(
                Batch(batch.images[part], batch.labels[part], batch.names[part]),
                part,
                1.0 / count,
                shares_T,
            )
            for part, shares_T in zip(rows, shares, strict=True)
        ]

    def loss(self, model: Any, part: Part[Batch], step: int) -> Tensor:
        """Return the loss of the logits, the network's own penalty, and what the average says."""
        if self.recipe.model.batch_norm == 'running':
            _hold_norms(self.network)
        labels_BHW, available_BM = part.batch.labels, self._available(step)[part.rows]
        has_all = bool(self.dropout(step, self.batch_size).all())
        images_BMCHW = self.normalization(part.batch.images)
        outputs, penalty = model.training_terms(images_BMCHW, available_BM)
        losses = [self._loss(logits, labels_BHW, part.shares_T) for logits in outputs]
        taught = self._distillation(step, images_BMCHW, has_all, outputs)
        others = [term * part.share for term in (penalty, taught) if term is not None]
        return sum(others, torch.stack(losses).sum())

    def describe(self, batch: Batch, step: int) -> str:
        """Name the frames and the sensors that each had."""
        available = self._available(step).int().tolist()
        return f'the frames {", ".join(batch.names)} and availability {available}'

    def score(self, average: nn.Module, final: bool) -> Scores:
        """Score the recipe's sensor subsets on some frames, or at the end all on all frames."""
        modalities, config = self.recipe.data.modalities, self.recipe.validation
        subsets = all_subsets(modalities) if final else self._subsets
        batches = self._validation_batches(0 if final else config.max_frames)
        scores = self._scorer(average, batches, subsets)
        rows = {name: score.to_dict() for name, score in scores.items()}
        best_of = '' if final else self._best_of
        return Scores(rows, decisive(scores, config.best_by, best_of))

    def draw(self, average: nn.Module, folder: Path) -> None:
        """Write images of a few validation frames with all modalities."""
        batch = next(iter(self._validation_batches(PICTURES)), None)
        if batch is None:
            return
        modalities, (rows, columns) = tuple(self.recipe.data.modalities), batch.labels.shape[1:]
        labels = self._scorer.predict(average.eval(), batch.images, modalities, (rows, columns))
        fit = Fit.of(
            (rows, columns),
            (batch.images.shape[2], batch.images.shape[3]),
            self.recipe.data.aspect,
        )
        for i, name in enumerate(batch.names):
            planes, truth = batch.images[i].cpu().numpy(), batch.labels[i].cpu().numpy()
            path = folder / (name.replace('/', '_') + '.png')
            write_picture(path, planes, truth, labels[i].cpu().numpy(), self._label_space, fit)

    def save(self, path: Path, average: nn.Module, step: int, rows: Mapping[str, Any]) -> None:
        """Write weights as `load_trained` reads them."""
        data = self.recipe.data
        info = TrainedInfo(
            model=self.recipe.model.name,
            options=self.network.options,
            modalities=tuple(data.modalities),
            encodings={name: data.encodings[name] for name in data.modalities},
            statistics=self.statistics,
            height=data.height,
            width=data.width,
            label_space=self._label_space,
            step=step,
            metrics=dict(rows),
            recipe=self.recipe.to_dict(),
        )
        save_trained(path, average.state_dict(), info)

    def load(self, run_dir: Path, average: nn.Module) -> int:
        """Read the best weights of a run into `average` and return the step they are of."""
        state, info = read_trained(run_dir)
        load_strict(average, state, source=str(run_dir))
        return info.step if info else self.recipe.steps

    def _build_scorer(self) -> SubsetScorer:
        data, config = self.recipe.data, self.recipe.validation
        texts = config.subsets or [subset_name(data.modalities)]
        self._subsets = [parse_subset(text, data.modalities) for text in texts]
        self._best_of = best_subset(config.best_of, self._subsets, data.modalities)
        encodings = [data.encodings[name] for name in data.modalities]
        views = Views.of(config, self.normalization, encodings, self.network.size_divisor)
        return SubsetScorer(
            self._fabric,
            views,
            self._label_space,
            data.modalities,
            data.aspect,
            self._loss if config.best_by == 'loss' else None,
        )

    def _available(self, step: int) -> Tensor:
        """Return this process's rows of the step's B x M availability."""
        mask = self.dropout(step, self.batch_size)
        mine = np.ascontiguousarray(mask[self._fabric.global_rank :: self._fabric.world_size])
        return torch.from_numpy(mine).to(self._fabric.device)

    def _validation_batches(self, max_frames: int) -> Iterator[Batch]:
        """Return this process's share of at most `max_frames` frames (0: all), evenly spaced."""
        total = len(self._val_frames)
        count = min(total, max_frames) if max_frames else total
        chosen = np.linspace(0, total - 1, count).astype(int)
        mine = chosen[self._fabric.global_rank :: self._fabric.world_size]
        data = self.recipe.data
        frames = FittedFrames(self._val_frames, mine, data.height, data.width, data.aspect)
        loader = validation_loader(frames, self.batch_size, data.workers)
        placed = self._fabric.setup_dataloaders(loader, use_distributed_sampler=False)
        return in_turn(cast('DataLoader[Any]', placed))  # one in, one out


def _hold_norms(network: nn.Module) -> None:
    """Let batch norms use their running statistics, as every subset will in deployment."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
