"""Two metrics.json of the same frames, score by score, with intervals of the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import EvaluationError
from mmseg_ros.core.safe_yaml import MOST_TABLE_BYTES, load_json
from mmseg_ros.metrics.bootstrap import PairedScore, Statistic, mean_iou, paired_bootstrap, ratio
from mmseg_ros.metrics.frame_counts import totals

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class BootstrapOptions:
    """How intervals are computed.

    Attributes:
        resamples: How often frames are drawn.
        level: Share of the draws inside an interval.
        seed: Of the draws.
    """

    resamples: int = 2000
    level: float = 0.95
    seed: int = 0


def load_metrics(path: Path) -> dict[str, Any]:
    """Read a metrics.json of `evaluate`.

    Raises:
        EvaluationError: The file is missing, is no metrics.json, or has no scores per frame.
    """
    metrics = load_json(path, EvaluationError, MOST_TABLE_BYTES)
    if not isinstance(metrics, dict) or 'bundle' not in metrics:
        raise EvaluationError(f'{path} is not a metrics.json of `mmseg_ros evaluate`.')
    if not metrics.get('frames') or 'classes' not in metrics.get('label_space', {}):
        raise EvaluationError(
            f'{path} holds no scores per frame: nothing was scored, or an earlier version wrote '
            'it; evaluate again.'
        )
    _check_frames(metrics, path)
    return metrics


def _check_frames(metrics: Mapping[str, Any], path: Path) -> None:
    """Reject what is damaged here, so that nothing later has to expect it."""
    try:
        count = len(metrics['label_space']['classes'])
        str(metrics['label_space']['fingerprint'])
        for frame in metrics['frames']:
            str(frame['name'] + frame['available'] + frame['condition'])
            for score in frame['scores'].values():
                for key in set(score) & {'pixels', 'points'}:
                    int(score[key]['correct'] + score[key]['total'])
                    pairs = score[key]['classes'].items()
                    if not all(0 <= int(i) < count and len(pair) == 2 for i, pair in pairs):
                        raise ValueError('a class id is out of range')
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EvaluationError(
            f'{path}: its scores per frame are damaged ({error!r}); evaluate again.'
        ) from error


def compare(
    a: Mapping[str, Any], b: Mapping[str, Any], options: BootstrapOptions | None = None
) -> dict[str, PairedScore]:
    """Return every score that both runs have, by name.

    The names: `miou` and `pixel_accuracy` of the frames as they were, `point_miou` and
    `point_accuracy` of labeled points, `iou/CLASS`, and `miou/SUBSET` of the frames on which both
    ran that subset.

    Args:
        a: Content of the first metrics.json.
        b: Of the second.
        options: How intervals are computed.

    Raises:
        EvaluationError: The two were scored on other frames, other classes or another truth.
    """
    options = options or BootstrapOptions()
    _require_same_classes(a, b)
    frames_a, frames_b = _require_same_frames(a, b)
    names = list(a['label_space']['classes'])
    return {
        name: paired_bootstrap(
            counts_a, counts_b, statistic, options.resamples, options.level, options.seed
        )
        for name, statistic, counts_a, counts_b in _scores(frames_a, frames_b, names)
    }


Frames = Sequence[Mapping[str, Any]]


def _scores(
    frames_a: Frames, frames_b: Frames, names: Sequence[str]
) -> Iterator[tuple[str, Statistic, Any, Any]]:
    """Yield (name, statistic, counts of a, counts of b)."""
    for key, prefix in (('pixels', 'pixel'), ('points', 'point')):
        (classes_a, right_a), (classes_b, right_b) = (
            totals(frames, '', len(names), key) for frames in (frames_a, frames_b)
        )
        if not right_a.any() or not right_b.any():
            continue
        if key == 'pixels':
            _require_same_truth(frames_a, right_a, right_b)
        yield 'miou' if key == 'pixels' else 'point_miou', mean_iou, classes_a, classes_b
        yield f'{prefix}_accuracy', ratio, right_a, right_b
        if key == 'pixels':
            for i, name in enumerate(names):
                if classes_a[:, i].any() or classes_b[:, i].any():
                    yield f'iou/{name}', ratio, classes_a[:, i], classes_b[:, i]
    for subset in _common_subsets(frames_a, frames_b):
        pairs = [
            (frame_a, frame_b)
            for frame_a, frame_b in zip(frames_a, frames_b, strict=True)
            if subset in frame_a['scores'] and subset in frame_b['scores']
        ]
        counts = [totals([pair[k] for pair in pairs], subset, len(names))[0] for k in (0, 1)]
        if all(values.any() for values in counts):
            yield f'miou/{subset}', mean_iou, counts[0], counts[1]


def _common_subsets(frames_a: Frames, frames_b: Frames) -> list[str]:
    """Return the subsets that both ran on some frame, in the order of their first sight."""
    subsets: dict[str, None] = {}
    for frame_a, frame_b in zip(frames_a, frames_b, strict=True):
        subsets |= dict.fromkeys(name for name in frame_a['scores'] if name in frame_b['scores'])
    return list(subsets)


def _require_same_classes(a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    ours, theirs = a['label_space'], b['label_space']
    if ours['fingerprint'] == theirs['fingerprint']:
        return
    only_a = [name for name in ours['classes'] if name not in theirs['classes']]
    only_b = [name for name in theirs['classes'] if name not in ours['classes']]
    raise EvaluationError(
        f'The classes differ: {ours.get("id")} and {theirs.get("id")}; only in the first: '
        f'{_some(only_a)}; only in the second: {_some(only_b)}. Map both to the same classes '
        '(--classes, --label-map) and evaluate again.'
    )


def _require_same_frames(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Frames, Frames]:
    """Return the frames of both in the order of the first."""
    by_name = [{frame['name']: frame for frame in m['frames']} for m in (a, b)]
    for frames, metrics in zip(by_name, (a, b), strict=True):
        if len(frames) != len(metrics['frames']):
            raise EvaluationError('Two frames of one file have the same name; evaluate again.')
    only_a = [name for name in by_name[0] if name not in by_name[1]]
    only_b = [name for name in by_name[1] if name not in by_name[0]]
    if only_a or only_b:
        raise EvaluationError(
            f'The frames differ: {len(only_a)} are only in the first ({_some(only_a)}), '
            f'{len(only_b)} only in the second ({_some(only_b)}). Evaluate both on the same '
            'source, with the same --split, --condition and --every.'
        )
    return list(by_name[0].values()), [by_name[1][name] for name in by_name[0]]


def _require_same_truth(frames: Frames, right_a: Any, right_b: Any) -> None:
    differing = [
        frame['name']
        for frame, ours, theirs in zip(frames, right_a[:, 1], right_b[:, 1], strict=True)
        if ours != theirs
    ]
    if differing:
        raise EvaluationError(
            f'The truth differs: {len(differing)} frames have another number of scored pixels '
            f'({_some(differing)}). Evaluate both against the same labels.'
        )


def _some(names: Sequence[str]) -> str:
    rest = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(name[:80] for name in names[:_SHOWN]) + rest if names else 'none'
