"""The content of metrics.json of one recording, from what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.evaluation.scoring import BagScorer, Score, Subset
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.metrics.metrics import plain_scores, rounded
from mmseg_ros.metrics.robustness import robustness_table

METRICS_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Use:
    """What became of the samples of a recording, by modality.

    Attributes:
        collector: What the collector did with them, without zeros.
        rejected: Causes of messages that could not be read.
        dropped: Samples that the collector dropped, by cause.
        lost: What of the samples that were taken could not be used.
        intensity: Scale of each LiDAR's intensity.
    """

    collector: dict[Modality, dict[str, int]]
    rejected: Mapping[Modality, Counter[str]]
    dropped: dict[Modality, dict[str, int]]
    lost: dict[Modality, dict[str, int]]
    intensity: dict[Modality, str]


def bag_metrics(reader: BagReader, bundle: Bundle, scorer: BagScorer, use: Use) -> dict[str, Any]:
    """Return plain values, the same in every run.

    Args:
        reader: The recording.
        bundle: What was scored.
        scorer: After the last frame.
        use: What became of the samples.
    """
    manifest = bundle.manifest
    recorded = _with_total(scorer.recorded, manifest.label_space)
    return {
        'schema_version': METRICS_SCHEMA,
        'bag': {
            'name': reader.path.name,
            'duration_s': rounded(reader.duration_s),
            'messages': {name: topic.count for name, topic in sorted(reader.topics.items())},
            'doubts': list(reader.doubts()),
        },
        'bundle': {
            'name': manifest.name,
            'model': manifest.model,
            'modalities': list(manifest.modality_names),
            'precision': manifest.precision,
            'onnx_sha256': manifest.files[bundle.onnx_path.name].sha256,
        },
        'label_space': manifest.label_space.summary(),
        'sets': {
            'count': scorer.sets,
            'closed': dict(sorted(scorer.reasons.items())),
            'unusable': dict(sorted(scorer.failed.items())),
            'truth_offset_ns': scorer.truth_offset_ns,
            'labels_sha256': scorer.labels_sha256,
        },
        'collector': use.collector,
        'rejected': _first_reasons(scorer.rejected),
        'malformed': _first_reasons(use.rejected),
        'dropped': use.dropped,
        'lost': use.lost,
        'intensity': use.intensity,
        'recorded': _scores(recorded, manifest),
        'withheld': _scores(scorer.withheld, manifest),
        'robustness': _robustness(scorer.withheld),
        'reliability': recorded[()].confidence.plain(),
        **scorer.studies.plain(),
        'frames': scorer.frames,
    }


def _with_total(recorded: dict[Subset, Score], label_space: LabelSpace) -> dict[Subset, Score]:
    """Return the scores per subset, larger first, after the sum over all frames under ()."""
    total = Score.empty(label_space)
    for score in recorded.values():
        total.merge(score)
    return {(): total, **dict(sorted(recorded.items(), key=lambda item: (-len(item[0]), item[0])))}


def _scores(scores: dict[Subset, Score], manifest: Manifest) -> list[dict[str, Any]]:
    names = manifest.label_space.names
    return [
        {
            'available': list(subset) or 'all frames',
            'sets': score.sets,
            **plain_scores(score.pixels, names),
            'ece': rounded(score.confidence.ece()),
            'point_miou': rounded(score.points.miou()),
            'point_accuracy': rounded(score.points.accuracy()),
            'pixels': score.pixels.pixels,
            'points': score.points.pixels,
        }
        for subset, score in scores.items()
    ]


def _robustness(withheld: dict[Subset, Score]) -> list[dict[str, Any]]:
    if not withheld:
        return []
    miou = {subset: score.pixels.miou() for subset, score in withheld.items()}
    agreement = {
        subset: rounded(score.agreement[0] / score.agreement[1]) if score.sets else None
        for subset, score in withheld.items()
    }
    return [
        {
            'available': list(row.available),
            'missing': list(row.missing),
            'miou': rounded(row.miou),
            'retained': rounded(row.retained),
            'agreement': agreement[row.available],
        }
        for row in robustness_table(next(iter(withheld)), miou)
    ]


def _first_reasons(counters: Mapping[Modality, Counter[str]]) -> dict[str, dict[str, Any]]:
    """Return per modality how many samples were rejected and the most frequent reason."""
    return {
        name: {'count': sum(counter.values()), 'reason': counter.most_common(1)[0][0]}
        for name, counter in sorted(counters.items())
    }
