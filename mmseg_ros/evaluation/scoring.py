"""Runs a pipeline over the frames of a recording and scores every sensor subset."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.timing import StageStatistics
from mmseg_ros.core.types import (
    LIDAR,
    AlignedFrame,
    CloudData,
    FrameSet,
    Modality,
    SegmentationResult,
    SensorSample,
)
from mmseg_ros.core.unexpected import cause_of, reason_of
from mmseg_ros.evaluation.point_labels import point_labels
from mmseg_ros.evaluation.studies import Studies
from mmseg_ros.evaluation.trials import Trial
from mmseg_ros.evaluation.truth import Truth
from mmseg_ros.metrics.frame_counts import FrameCounts
from mmseg_ros.metrics.metrics import ConfusionMatrix
from mmseg_ros.metrics.reliability import Reliability
from mmseg_ros.pipeline import Pipeline, PipelineOutput
from mmseg_ros.projection.frame_geometry import FrameGeometry

Subset = tuple[Modality, ...]


@dataclass(slots=True)
class Score:
    """What was counted for one sensor subset.

    Attributes:
        pixels: Confusion of label images.
        points: Confusion of labeled LiDAR points.
        confidence: How often the labels of pixels are right, by their confidence.
        sets: Number of frames that were scored.
        agreement: Pixels with the label that all sensors of the frame give, and all pixels.
        stages: Milliseconds per stage of the pipeline.
    """

    pixels: ConfusionMatrix
    points: ConfusionMatrix
    confidence: Reliability = field(default_factory=Reliability)
    sets: int = 0
    agreement: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    stages: StageStatistics = field(default_factory=lambda: StageStatistics(window=100_000))

    @classmethod
    def empty(cls, label_space: LabelSpace) -> Score:
        """Return a score of nothing."""
        size = label_space.num_classes, label_space.ignore_id
        return cls(ConfusionMatrix(*size), ConfusionMatrix(*size))

    def merge(self, other: Score) -> None:
        """Add what was counted on other frames; the times of stages stay apart."""
        self.pixels.merge(other.pixels)
        self.points.merge(other.points)
        self.confidence.merge(other.confidence)
        self.sets += other.sets
        self.agreement += other.agreement


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """The ground truth of one frame.

    Attributes:
        image: H x W true class ids. cloud: With a field `label`. None where there is none.
    """

    image: NDArray[Any] | None
    cloud: SensorSample | None


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """A frame as it was recorded, and what came out of it.

    Attributes:
        frame_set: The samples. output: What came out.
        geometry: Where its points and depth image lie.
        truth: The ground truth. counts: What was counted.
    """

    frame_set: FrameSet
    output: PipelineOutput
    geometry: FrameGeometry
    truth: FrameTruth
    counts: FrameCounts


class BagScorer:
    """Collects the scores of one recording.

    Two tables come out. `recorded` groups the frames by the sensors that each of them really had.
    `withheld` runs the same frames again and again, each time without some sensors; only frames
    that had all sensors enter it, so that its rows compare.

    Attributes:
        label_space: The classes. truth: The ground truth.
        recorded: Score per subset that occurred. withheld: Score per subset asked for.
        sets: Number of frames. failed: Frames the network could not use, with the first reason.
        rejected: Samples the alignment rejected, per modality, with the first reason.
        reasons: Why the frames closed.
        frames: What was counted on each frame, as in metrics.json.
        studies: What was looked at beyond the scores.
        truth_offset_ns: Largest distance between a frame's stamp and its true label image.
    """

    def __init__(
        self, pipeline: Pipeline, label_space: LabelSpace, truth: Truth, subsets: Sequence[Subset]
    ) -> None:
        """Start with nothing scored.

        Args:
            pipeline: What is scored.
            label_space: The classes of truth and labels.
            truth: Ground truth; a bag without any gives counts but no scores.
            subsets: Subsets for `withheld`, the full set first.
        """
        self.label_space = label_space
        self.truth = truth
        self._hash = hashlib.sha256()
        self.recorded: dict[Subset, Score] = {}
        self.withheld: dict[Subset, Score] = {s: Score.empty(label_space) for s in subsets}
        self.sets = 0
        self.failed: Counter[str] = Counter()
        self.rejected: dict[Modality, Counter[str]] = {}
        self.reasons: Counter[str] = Counter()
        self.truth_offset_ns = 0
        self.frames: list[dict[str, Any]] = []
        self.studies = Studies(label_space, pipeline.rig, pipeline.aspect)
        self._current: ScoredFrame | None = None

    @property
    def labels_sha256(self) -> str:
        """Return a hash over the stamps and label images of all frames, as recorded."""
        return self._hash.hexdigest()

    def take(self, trial: Trial, output: PipelineOutput | Exception) -> ScoredFrame | None:
        """Score what came out of one trial; trials must come in their order.

        Args:
            trial: The frame as the network got it.
            output: What came out, or why nothing did.

        Returns:
            The frame as it was recorded, with its last trial; None before and if nothing came out.

        Raises:
            BackendError: The network failed.
        """
        if trial.subset is None:
            self._current = self._take_recorded(trial, output)
        elif self._current is not None:
            self._take_part(self._current, trial, output)
        if self._current is None or not trial.is_last:
            return None
        self.frames.append(self._current.counts.row())
        return self._current

    def _take_recorded(
        self, trial: Trial, output: PipelineOutput | Exception
    ) -> ScoredFrame | None:
        frame_set = trial.frame_set
        self.sets += 1
        self.reasons[frame_set.reason.value] += 1
        if isinstance(output, BackendError):
            raise output
        if isinstance(output, Exception):  # whatever one frame raises, the recording goes on
            self.failed[cause_of(reason_of(output, 'segmenting'))] += 1
            return None
        for name, reason in output.rejected.items():
            self.rejected.setdefault(name, Counter())[cause_of(reason)] += 1
        result = output.result
        self._hash.update(result.stamp_ns.to_bytes(8, 'little', signed=True))
        self._hash.update(np.ascontiguousarray(result.labels).tobytes())
        available = _used(result)
        truth = self._truth_of(frame_set)
        counts = FrameCounts(str(result.stamp_ns), '', available)
        # A cloud of the truth has the stamp of the frame's own, and may have other points.
        geometry = output.geometry.for_other_clouds(trial.odometry)
        found = self._counted(trial, result, truth, geometry, output.aligned)
        self._study_cloud(trial, result, truth, geometry)
        counts.add(available, result.labels, found.pixels, found.points)
        score = self.recorded.setdefault(available, Score.empty(self.label_space))
        score.merge(found)
        score.stages.add(result.stage_ms)
        if available == next(iter(self.withheld), ()):
            self._withheld(available, found, result, result)
        return ScoredFrame(frame_set, output, geometry, truth, counts)

    def _take_part(
        self, whole: ScoredFrame, trial: Trial, output: PipelineOutput | Exception
    ) -> None:
        if isinstance(output, Exception):
            raise output
        subset, result = trial.subset or (), output.result
        found = self._counted(trial, result, whole.truth, whole.geometry)
        whole.counts.add(subset, result.labels, found.pixels, found.points)
        self._withheld(subset, found, result, whole.output.result)

    def _withheld(
        self, subset: Subset, found: Score, result: SegmentationResult, whole: SegmentationResult
    ) -> None:
        score = self.withheld[subset]
        same = np.count_nonzero(result.labels == whole.labels)
        score.merge(found)
        score.agreement += np.array([same, whole.labels.size])
        score.stages.add(result.stage_ms)

    def _truth_of(self, frame_set: FrameSet) -> FrameTruth:
        index = self.truth.labels.nearest(frame_set.stamp_ns)
        if index is not None:
            offset_ns = abs(int(self.truth.labels.stamps_ns[index]) - frame_set.stamp_ns)
            self.truth_offset_ns = max(self.truth_offset_ns, offset_ns)
        image = self.truth.label_image(frame_set.stamp_ns)
        return FrameTruth(image, self.truth.cloud_sample(frame_set.stamp_ns))

    def _counted(
        self,
        trial: Trial,
        result: SegmentationResult,
        truth: FrameTruth,
        geometry: FrameGeometry,
        aligned: AlignedFrame | None = None,
    ) -> Score:
        """Return what one result scores alone; with its planes it is studied too."""
        score = Score.empty(self.label_space)
        score.sets = 1
        if truth.image is not None:
            size = truth.image.shape[0], truth.image.shape[1]
            labels = resize_labels(result.labels, *size)
            score.pixels.update(labels, truth.image)
            confidence = resize_labels(result.confidence, *size)
            ignore_id = self.label_space.ignore_id
            score.confidence.update(confidence, labels, truth.image, ignore_id)
            if aligned is not None:
                self.studies.image(labels, truth.image, aligned)
        if truth.cloud is not None and isinstance(truth.cloud.payload, CloudData):
            ignore_id = self.label_space.ignore_id
            found = point_labels(result, truth.cloud, trial.frame_set, geometry, ignore_id)
            if found is not None:
                seen = found != ignore_id
                true = truth.cloud.payload.points['label']
                score.points.update(found[seen], true[seen])
                if aligned is not None:
                    self.studies.cloud(truth.cloud, found, true, trial.odometry)
        return score

    def _study_cloud(
        self, trial: Trial, result: SegmentationResult, truth: FrameTruth, geometry: FrameGeometry
    ) -> None:
        """Study the cloud of a frame that has no true classes; of use if the motion is known."""
        odometry, sample = trial.odometry, trial.frame_set.samples.get(LIDAR)
        if truth.cloud is not None or sample is None or odometry is None or not odometry.is_known:
            return
        ignore_id = self.label_space.ignore_id
        labels = point_labels(result, sample, trial.frame_set, geometry, ignore_id)
        if labels is not None:
            self.studies.cloud(sample, labels, None, odometry)


def _used(result: SegmentationResult) -> Subset:
    return tuple(
        name for name, used in zip(result.modalities, result.available, strict=True) if used
    )


def resize_labels(labels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Return labels at another size, nearest neighbor."""
    if labels.shape == (height, width):
        return labels
    resized: NDArray[Any] = cv2.resize(
        labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return resized
