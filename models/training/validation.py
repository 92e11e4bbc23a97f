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

from mmseg_models.fitted import labels_on_image
from mmseg_models.training.loading import Batch
from mmseg_models.training.normalization import Normalization
from mmseg_models.training.processes import summed
from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.subsets import availability, subset_name
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
    """

    miou: float
    accuracy: float
    iou: dict[str, float | None]

    @classmethod
    def of(cls, matrix: ConfusionMatrix, names: Sequence[str]) -> Score:
        """Return the scores of a confusion matrix."""
        values = [None if math.isnan(value) else float(value) for value in matrix.iou()]
        return cls(matrix.miou(), matrix.accuracy(), dict(zip(names, values, strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for logs and metadata."""
        return asdict(self)


class SubsetScorer:
    """Scores a network under each of several sensor subsets; every batch is read only once."""

    def __init__(
        self,
        fabric: Fabric,
        normalization: Normalization,
        label_space: LabelSpace,
        modalities: Sequence[Modality],
        aspect: str = DEFAULT_ASPECT,
    ) -> None:
        self._aspect = aspect
        self._fabric = fabric
        self._normalization = normalization
        self._label_space = label_space
        self._modalities = tuple(modalities)

    @torch.no_grad()
    def __call__(
        self, model: nn.Module, batches: Iterable[Batch], subsets: Sequence[Subset]
    ) -> dict[str, Score]:
        """Return the score per subset, keyed `rgb+lidar`; `model` stays in evaluation mode."""
        model.eval()
        space = self._label_space
        matrices = [ConfusionMatrix(space.num_classes, space.ignore_id) for _ in subsets]
        for batch in batches:
            images_BMCHW = self._normalization(batch.images)
            truth = batch.labels.cpu().numpy()
            for subset, matrix in zip(subsets, matrices, strict=True):
                rows, columns = truth.shape[1:]
                labels_BHW = self.predict(model, images_BMCHW, subset, (rows, columns))
                matrix.update(labels_BHW.cpu().numpy(), truth)
        return {
            subset_name(subset): Score.of(self._over_processes(matrix), space.names)
            for subset, matrix in zip(subsets, matrices, strict=True)
        }

    @torch.no_grad()
    def predict(
        self, model: nn.Module, images_BMCHW: Tensor, subset: Subset, size: tuple[int, int]
    ) -> Tensor:
        """Return B x H x W labels of images of `size` with only `subset` available."""
        row = torch.from_numpy(availability(subset, self._modalities))
        available_BM = row.to(images_BMCHW.device).repeat(len(images_BMCHW), 1)
        with self._fabric.autocast():
            logits_BKHW = model(images_BMCHW, available_BM)
        rows, columns = images_BMCHW.shape[-2:]
        fit = Fit.of(size, (rows, columns), self._aspect)
        return labels_on_image(logits_BKHW, fit, self._label_space.ignore_id)

    def _over_processes(self, matrix: ConfusionMatrix) -> ConfusionMatrix:
        table = summed(self._fabric, np.column_stack([matrix.counts, matrix.missed]))
        matrix.counts, matrix.missed = table[:, :-1], table[:, -1]
        return matrix


def mean_miou(scores: dict[str, Score]) -> float:
    """Return the mean of the subsets' mIoU: what decides which weights are the best."""
    return float(np.mean([score.miou for score in scores.values()]))
