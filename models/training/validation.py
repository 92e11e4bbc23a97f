"""Scores of a network on a data set, for each sensor subset asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from mmseg_models.fitted import labels_on_image, scores_on_image
from mmseg_models.training.loading import Batch
from mmseg_models.training.processes import summed
from mmseg_models.training.views import Look, Views
from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.subsets import availability, parse_subset, subset_name
from mmseg_ros.core.types import Modality
from mmseg_ros.metrics.metrics import ConfusionMatrix
from mmseg_ros.projection.fit import Fit

Subset = tuple[Modality, ...]


@dataclass(frozen=True)
class Score:
    """Scores over a data set, from its summed confusion matrix.

    Attributes:
        miou: Mean IoU over the classes that occur in truth or prediction, 0..1.
        accuracy: Share of right pixels, 0..1.
        iou: IoU per class name; None for a class that does not occur.
        loss: Mean over the frames, where it is asked for.
    """

    miou: float
    accuracy: float
    iou: dict[str, float | None]
    loss: float | None = None

    @classmethod
    def of(cls, matrix: ConfusionMatrix, names: Sequence[str], loss: float | None = None) -> Score:
        """Return the scores of a confusion matrix."""
        values = [None if math.isnan(value) else float(value) for value in matrix.iou()]
        table = dict(zip(names, values, strict=True))
        return cls(matrix.miou(), matrix.accuracy(), table, loss)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for logs and metadata; without the loss if it was not taken."""
        values = asdict(self)
        return (
            values if self.loss is not None else {k: v for k, v in values.items() if k != 'loss'}
        )


class SubsetScorer:
    """Scores a network under each of several sensor subsets; every batch is read only once.

    Args:
        fabric: Precision and processes.
        views: How often and how each image is shown.
        label_space: Classes.
        modalities: Of the network, in order.
        aspect: How images of another shape lie on the input.
        loss: Also taken of the logits at the size of the labels, unless None.
    """

    def __init__(
        self,
        fabric: Fabric,
        views: Views,
        label_space: LabelSpace,
        modalities: Sequence[Modality],
        aspect: str = DEFAULT_ASPECT,
        loss: nn.Module | None = None,
    ) -> None:
        self._aspect = aspect
        self._fabric = fabric
        self._views = views
        self._label_space = label_space
        self._modalities = tuple(modalities)
        self._loss = loss

    @torch.no_grad()
    def __call__(
        self, model: nn.Module, batches: Iterable[Batch], subsets: Sequence[Subset]
    ) -> dict[str, Score]:
        """Return the score per subset, keyed `rgb+lidar`; `model` stays in evaluation mode."""
        model.eval()
        space = self._label_space
        matrices = [ConfusionMatrix(space.num_classes, space.ignore_id) for _ in subsets]
        losses_S2 = torch.zeros(len(subsets), 2, device=self._fabric.device)
        for batch in batches:
            looks = self._views.looks(batch.images)
            truth = batch.labels.cpu().numpy()
            fit = self._fit(truth.shape[1:], batch.images)
            for i, (subset, matrix) in enumerate(zip(subsets, matrices, strict=True)):
                logits_BKHW = self._logits(model, looks, subset)
                labels_BHW = labels_on_image(logits_BKHW, fit, space.ignore_id)
                matrix.update(labels_BHW.cpu().numpy(), truth)
                if self._loss:
                    loss = self._loss(scores_on_image(logits_BKHW, fit), batch.labels)
                    losses_S2[i] += torch.stack([loss, torch.ones_like(loss)]) * len(truth)
        means_S = self._mean_losses(losses_S2)
        return {
            subset_name(subset): Score.of(self._over_processes(matrix), space.names, mean)
            for subset, matrix, mean in zip(subsets, matrices, means_S, strict=True)
        }

    @torch.no_grad()
    def predict(
        self, model: nn.Module, images_BMHWC: Tensor, subset: Subset, size: tuple[int, int]
    ) -> Tensor:
        """Return B x H x W labels of uint8 images, at `size`, with only `subset` available."""
        logits_BKHW = self._logits(model, self._views.looks(images_BMHWC), subset)
        fit = self._fit(size, images_BMHWC)
        return labels_on_image(logits_BKHW, fit, self._label_space.ignore_id)

    def _logits(self, model: nn.Module, looks: Sequence[Look], subset: Subset) -> Tensor:
        row = torch.from_numpy(availability(subset, self._modalities))

        def predict(images_BMCHW: Tensor) -> Tensor:
            available_BM = row.to(images_BMCHW.device).repeat(len(images_BMCHW), 1)
            with self._fabric.autocast():
                logits_BKHW: Tensor = model(images_BMCHW, available_BM)
            return logits_BKHW

        return self._views.logits(predict, looks)

    def _fit(self, size: Sequence[int], images_BMHWC: Tensor) -> Fit:
        rows, columns = images_BMHWC.shape[2:4]
        return Fit.of((size[0], size[1]), (rows, columns), self._aspect)

    def _mean_losses(self, losses_S2: Tensor) -> list[float | None]:
        if self._loss is None:
            return [None] * len(losses_S2)
        total_S2: Any = self._fabric.all_reduce(losses_S2, reduce_op='sum')
        return [float(loss / frames.clamp(min=1)) for loss, frames in total_S2]

    def _over_processes(self, matrix: ConfusionMatrix) -> ConfusionMatrix:
        table = summed(self._fabric, np.column_stack([matrix.counts, matrix.missed]))
        matrix.counts, matrix.missed = table[:, :-1], table[:, -1]
        return matrix


def best_subset(text: str, scored: Sequence[Subset], modalities: Sequence[Modality]) -> str:
    """Return the name of the subset that decides, as scores are keyed; empty stays empty.

    Raises:
        ConfigError: It is not among those that are scored.
    """
    name = subset_name(parse_subset(text, modalities)) if text else ''
    names = [subset_name(subset) for subset in scored]
    if name and name not in names:
        raise ConfigError(
            f'validation.best_of is {name}, which is not scored; add it to validation.subsets or '
            f'choose one of {", ".join(names)}.'
        )
    return name


def decisive(scores: dict[str, Score], best_by: str = 'miou', best_of: str = '') -> float:
    """Return what decides which weights are the best; the higher, the better.

    Args:
        scores: Per subset.
        best_by: miou, accuracy or loss.
        best_of: Subset that counts; empty takes the mean of all.
    """
    chosen = [scores[best_of]] if best_of else list(scores.values())
    value = float(np.mean([getattr(score, best_by) for score in chosen]))
    return -value if best_by == 'loss' else value
