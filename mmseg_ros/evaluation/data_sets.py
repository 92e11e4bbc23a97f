"""Scores a bundle on a labeled data set, per condition and per set of sensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.class_map import ClassMap
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.safe_yaml import load_yaml
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import LabelledDataset, LabelledFrame
from mmseg_ros.encoding.resize import fitted_images
from mmseg_ros.evaluation.data_set_studies import DataSetStudies
from mmseg_ros.evaluation.mask_folder import MaskFolder
from mmseg_ros.evaluation.stopping import never
from mmseg_ros.inference.backend import Prediction
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.metrics.frame_counts import FrameCounts
from mmseg_ros.metrics.metrics import ConfusionMatrix, plain_scores, rounded
from mmseg_ros.metrics.reliability import Reliability
from mmseg_ros.projection.fit import Fit

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
        confidence: How often labels are right by their confidence, under the same keys.
        frames: Number of frames per condition.
        per_frame: What was counted on each frame, as in metrics.json.
    """

    def __init__(
        self,
        bundle: Bundle,
        backend: Labeller,
        subsets: Sequence[Subset],
        class_map: ClassMap | None = None,
        masks: MaskFolder | None = None,
        aspect: str = DEFAULT_ASPECT,
        studies: DataSetStudies | None = None,
    ) -> None:
        """Start with nothing scored.

        Args:
            bundle: Whose classes and modalities count.
            backend: Has `bundle` loaded.
            subsets: Which sensors the network is given in turn, the full set first.
            class_map: From the bundle's classes to those of the labels; None if they are the
                same.
            masks: Takes the labels that all sensors give.
            aspect: What becomes of images of another shape than the network's, see `Fit.of`.
            studies: Takes all labels.
        """
        self._masks = masks
        self._aspect = aspect
        self._studies = studies
        self._manifest = bundle.manifest
        self._space = class_map.target if class_map else bundle.manifest.label_space
        self._table = class_map.table(bundle.manifest.label_space) if class_map else None
        self._backend = backend
        self._subsets = tuple(subsets)
        self.matrices: dict[tuple[str, Subset], ConfusionMatrix] = {}
        self.confidence: dict[tuple[str, Subset], Reliability] = {}
        self.frames: dict[str, int] = {}
        self.per_frame: list[dict[str, Any]] = []

    def add(self, frame: LabelledFrame) -> None:
        """Run every subset on one frame; labels are compared at the size of the truth."""
        manifest = self._manifest
        # A data set without conditions has no folders in its names.
        condition = ''.join(frame.name.split('/')[:-1][:1])
        names = [ALL, condition] if condition else [ALL]
        counts = FrameCounts(frame.name, condition, self._subsets[0])
        rows, columns = frame.labels.shape
        fit = Fit.of((rows, columns), (manifest.height, manifest.width), self._aspect)
        images = fitted_images(frame.images, frame.plane_encodings, fit)
        for name in names:
            self.frames[name] = self.frames.get(name, 0) + 1
        found: dict[Subset, NDArray[Any]] = {}
        for subset in self._subsets:
            available = np.array([name in subset for name in frame.modalities])
            given = images * available[:, None, None, None].astype(np.uint8)
            prediction = self._backend.infer(given, available)
            labels = fit.restore(prediction.labels, manifest.label_space.ignore_id)
            if self._table is not None:
                labels = self._table[labels]
            confidence = fit.restore(prediction.confidence, 0)
            pixels = self._count(frame, names, subset, labels, confidence)
            counts.add(subset, labels, pixels)
            found[subset] = labels
            if self._masks is not None and subset == self._subsets[0]:
                self._masks.add(labels, frame.name, sensors=subset)
        self.per_frame.append(counts.row())
        if self._studies is not None:
            self._studies.add(frame, found, self.per_frame[-1])

    def _count(
        self,
        frame: LabelledFrame,
        names: Sequence[str],
        subset: Subset,
        labels: NDArray[Any],
        confidence: NDArray[np.uint8],
    ) -> ConfusionMatrix:
        """Add the labels of one frame to its conditions and return what they score alone."""
        space = self._space
        pixels = ConfusionMatrix(space.num_classes, space.ignore_id)
        pixels.update(labels, frame.labels)
        reliability = Reliability()
        reliability.update(confidence, labels, frame.labels, space.ignore_id)
        for name in names:
            self._matrix(name, subset).merge(pixels)
            self.confidence.setdefault((name, subset), Reliability()).merge(reliability)
        return pixels

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
                'ece': rounded(self._reliability(condition, subset).ece()),
            }
            for condition in order
            for subset in self._subsets
        ]

    def reliability(self) -> dict[str, Any]:
        """Return the bins over all frames with every sensor; see `Reliability.plain`."""
        return self._reliability(ALL, self._subsets[0]).plain()

    def _reliability(self, condition: str, subset: Subset) -> Reliability:
        return self.confidence.get((condition, subset), Reliability())

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
    stopped: Callable[[], bool] = never,
    masks: MaskFolder | None = None,
    aspect: str = DEFAULT_ASPECT,
    studies: DataSetStudies | None = None,
) -> DatasetScores:
    """Return the scores of a loaded backend on every frame of a data set.

    Where `stopped` says so after a frame, they are of the frames until then.

    Raises:
        DatasetError: The images were written with other encodings than the bundle reads, or a
            file is damaged.
        ConfigError: The class map starts from another label space.
        BackendError: The runtime failed.
    """
    _check_encodings(bundle, dataset.root)
    scores = DatasetScores(bundle, backend, subsets, class_map, masks, aspect, studies)
    for i in range(len(dataset)):
        scores.add(dataset[i])
        if progress is not None:
            progress(i + 1, len(dataset))
        if stopped():
            if masks is not None:
                masks.is_cut = True
            break
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
