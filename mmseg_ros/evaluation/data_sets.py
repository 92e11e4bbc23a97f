"""Scores a bundle on a labeled data set, per condition and per set of sensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.class_map import ClassMap
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.safe_yaml import load_yaml
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import LabelledDataset, LabelledFrame
from mmseg_ros.encoding.resize import resize_images
from mmseg_ros.inference.backend import Prediction
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.metrics.metrics import ConfusionMatrix, plain_scores

Subset = tuple[Modality, ...]
Progress = Callable[[int, int], None]
ALL = 'all'


class Labeller(Protocol):
    """Whatever answers a frame with labels: a loaded backend, one graph, a network."""

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run on one frame; see `Backend.infer`."""


class DatasetScores:
    """Confusion matrices per (condition, subset) of one bundle on one data set.

    Attributes:
        matrices: In the order of first sight; the sum over all conditions stands under `ALL`.
        frames: Number of frames per condition.
    """

    def __init__(
        self,
        bundle: Bundle,
        backend: Labeller,
        subsets: Sequence[Subset],
        class_map: ClassMap | None = None,
    ) -> None:
        """Start with nothing scored.

        Args:
            bundle: Whose classes and modalities count.
            backend: Has `bundle` loaded.
            subsets: Which sensors the network is given in turn, the full set first.
            class_map: From the bundle's classes to those of the labels; None if they are the
                same.
        """
        self._manifest = bundle.manifest
        self._space = class_map.target if class_map else bundle.manifest.label_space
        self._table = class_map.table(bundle.manifest.label_space) if class_map else None
        self._backend = backend
        self._subsets = tuple(subsets)
        self.matrices: dict[tuple[str, Subset], ConfusionMatrix] = {}
        self.frames: dict[str, int] = {}

    def add(self, frame: LabelledFrame) -> None:
        """Run every subset on one frame; labels are compared at the size of the truth."""
        manifest = self._manifest
        # A data set without conditions has no folders in its names.
        names = [ALL, *frame.name.split('/')[:-1][:1]]
        images = resize_images(frame.images, frame.modalities, manifest.height, manifest.width)
        for name in names:
            self.frames[name] = self.frames.get(name, 0) + 1
        for subset in self._subsets:
            available = np.array([name in subset for name in frame.modalities])
            given = images * available[:, None, None, None].astype(np.uint8)
            small = self._backend.infer(given, available).labels
            size = frame.labels.shape[::-1]
            labels = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST_EXACT)
            if self._table is not None:
                labels = self._table[labels]
            for name in names:
                self._matrix(name, subset).update(np.asarray(labels), frame.labels)

    def rows(self) -> list[dict[str, Any]]:
        """Return plain values, one row per condition and subset, all conditions first."""
        names = self._space.names
        order = [ALL, *sorted(set(self.frames) - {ALL})]
        return [
            {
                'condition': condition,
                'available': list(subset),
                'frames': self.frames[condition],
                **plain_scores(self._matrix(condition, subset), names),
            }
            for condition in order
            for subset in self._subsets
        ]

    def _matrix(self, condition: str, subset: Subset) -> ConfusionMatrix:
        space = self._space
        return self.matrices.setdefault(
            (condition, subset), ConfusionMatrix(space.num_classes, space.ignore_id)
        )


def score_dataset(
    bundle: Bundle,
    backend: Labeller,
    dataset: LabelledDataset,
    subsets: Sequence[Subset],
    progress: Progress | None = None,
    class_map: ClassMap | None = None,
) -> DatasetScores:
    """Return the scores of a loaded backend on every frame of a data set.

    Raises:
        DatasetError: The images were written with other encodings than the bundle reads, or a
            file is damaged.
        ConfigError: The class map starts from another label space.
        BackendError: The runtime failed.
    """
    _check_encodings(bundle, dataset.root)
    scores = DatasetScores(bundle, backend, subsets, class_map)
    for i in range(len(dataset)):
        scores.add(dataset[i])
        if progress is not None:
            progress(i + 1, len(dataset))
    return scores


def _check_encodings(bundle: Bundle, root: Path) -> None:
    """Compare with dataset.yaml, which simulated sets have and DeLiVER has not."""
    path = root / 'dataset.yaml'
    if not path.is_file():
        return
    written = (load_yaml(path, DatasetError) or {}).get('encodings', {})
    for spec in bundle.manifest.modalities:
        if written.get(spec.name, spec.encoding) != spec.encoding:
            raise DatasetError(
                f'{path}: {spec.name} was written as {written[spec.name]!r}, but '
                f'{bundle.manifest.name} reads {spec.encoding!r}; make the set again or take '
                'another bundle.'
            )
