"""Runs a pipeline over the frames of a recording and scores every sensor subset."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError, CalibrationError
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
from mmseg_ros.evaluation.studies import Studies
from mmseg_ros.evaluation.truth import Truth
from mmseg_ros.labelling.points import transfer_labels
from mmseg_ros.metrics.frame_counts import FrameCounts
from mmseg_ros.metrics.metrics import ConfusionMatrix
from mmseg_ros.metrics.reliability import Reliability
from mmseg_ros.pipeline import Pipeline, PipelineOutput
from mmseg_ros.projection.seen import seen_points

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
        self._pipeline = pipeline
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
        self.studies = Studies(label_space, pipeline)

    @property
    def labels_sha256(self) -> str:
        """Return a hash over the stamps and label images of all frames, as recorded."""
        return self._hash.hexdigest()

    def add(self, frame_set: FrameSet) -> PipelineOutput | None:
        """Run and score one frame; return what came out of it as recorded, None if nothing."""
        self.sets += 1
        self.reasons[frame_set.reason.value] += 1
        try:
            output = self._pipeline.process(frame_set)
        except BackendError:
            raise
        except Exception as error:  # whatever one frame raises, the recording goes on
            self.failed[cause_of(reason_of(error, 'segmenting'))] += 1
            return None
        for name, reason in output.rejected.items():
            self.rejected.setdefault(name, Counter())[cause_of(reason)] += 1
        result = output.result
        self._hash.update(result.stamp_ns.to_bytes(8, 'little', signed=True))
        self._hash.update(np.ascontiguousarray(result.labels).tobytes())
        available = _used(result)
        if available not in self.recorded:
            self.recorded[available] = Score.empty(self.label_space)
        truth = self._truth_of(frame_set)
        counts = FrameCounts(str(result.stamp_ns), '', available)
        found = self._counted(frame_set, result, truth, output.aligned)
        self._study_cloud(frame_set, result, truth)
        counts.add(available, result.labels, found.pixels, found.points)
        self.recorded[available].merge(found)
        self.recorded[available].stages.add(result.stage_ms)
        self._withhold(frame_set, result, found, truth, counts)
        self.frames.append(counts.row())
        return output

    def _withhold(
        self,
        frame_set: FrameSet,
        full: SegmentationResult,
        scored: Score,
        truth: _SetTruth,
        counts: FrameCounts,
    ) -> None:
        """Score a frame that had all sensors again and again, each time without some.

        Args:
            frame_set: The frame.
            full: What came out with all sensors.
            scored: What that scores.
            truth: Its ground truth.
            counts: Takes what the others score.
        """
        if _used(full) != next(iter(self.withheld), ()):
            return
        for subset, score in self.withheld.items():
            found, result = scored, full
            if subset != _used(full):
                samples = {n: s for n, s in frame_set.samples.items() if n in subset}
                part = replace(frame_set, samples=samples)
                result = self._pipeline.process(part).result
                found = self._counted(part, result, truth)
                counts.add(subset, result.labels, found.pixels, found.points)
            same = np.count_nonzero(result.labels == full.labels)
            score.merge(found)
            score.agreement += np.array([same, full.labels.size])
            score.stages.add(result.stage_ms)

    def _truth_of(self, frame_set: FrameSet) -> _SetTruth:
        index = self.truth.labels.nearest(frame_set.stamp_ns)
        if index is not None:
            offset_ns = abs(int(self.truth.labels.stamps_ns[index]) - frame_set.stamp_ns)
            self.truth_offset_ns = max(self.truth_offset_ns, offset_ns)
        image = self.truth.label_image(frame_set.stamp_ns)
        return _SetTruth(image, self.truth.cloud_sample(frame_set.stamp_ns))

    def _counted(
        self,
        frame_set: FrameSet,
        result: SegmentationResult,
        truth: _SetTruth,
        aligned: AlignedFrame | None = None,
    ) -> Score:
        """Return what one result scores alone; with its planes it is studied too."""
        score = Score.empty(self.label_space)
        score.sets = 1
        if truth.image is not None:
            size = truth.image.shape[0], truth.image.shape[1]
            labels = resize_labels(result.labels, *size)
            score.pixels.update(labels, truth.image)
            scored = truth.image != self.label_space.ignore_id
            confidence = resize_labels(result.confidence, *size)[scored]
            score.confidence.update(confidence, labels[scored] == truth.image[scored])
            if aligned is not None:
                self.studies.image(labels, truth.image, aligned)
        if truth.cloud is not None and isinstance(truth.cloud.payload, CloudData):
            ignore_id = self.label_space.ignore_id
            found = point_labels(result, truth.cloud, frame_set, self._pipeline, ignore_id)
            if found is not None:
                seen = found != ignore_id
                true = truth.cloud.payload.points['label']
                score.points.update(found[seen], true[seen])
                if aligned is not None:
                    self.studies.cloud(truth.cloud, found, true)
        return score

    def _study_cloud(
        self, frame_set: FrameSet, result: SegmentationResult, truth: _SetTruth
    ) -> None:
        """Study the cloud of a frame that has no true classes."""
        sample = frame_set.samples.get(LIDAR)
        if truth.cloud is not None or sample is None or not self.studies.wants_clouds:
            return
        labels = point_labels(
            result, sample, frame_set, self._pipeline, self.label_space.ignore_id
        )
        if labels is not None:
            self.studies.cloud(sample, labels, None)


@dataclass(frozen=True, slots=True)
class _SetTruth:
    image: NDArray[Any] | None
    cloud: SensorSample | None


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


def point_labels(
    result: SegmentationResult,
    cloud: SensorSample,
    frame_set: FrameSet,
    pipeline: Pipeline,
    ignore_id: int,
) -> NDArray[Any] | None:
    """Return N labels of a cloud's points, `ignore_id` where the camera cannot see them.

    As in the node: points are moved to the time of the frame, and hidden ones are found with the
    depth image of the frame. Returns None where the rig lacks the calibration for it.
    """
    rig = pipeline.rig
    try:
        camera = rig.camera(rig.reference).resized(*result.labels.shape)
        projection = seen_points(cloud, frame_set, rig, camera, pipeline.odometry)
    except CalibrationError:
        return None
    labels: NDArray[Any] = transfer_labels(
        result.labels, result.confidence, projection, ignore_id
    )[0]
    return labels


def first_reasons(counters: Mapping[Modality, Counter[str]]) -> dict[str, dict[str, Any]]:
    """Return per modality how many samples were rejected and the most frequent reason."""
    return {
        name: {'count': sum(counter.values()), 'reason': counter.most_common(1)[0][0]}
        for name, counter in sorted(counters.items())
    }
