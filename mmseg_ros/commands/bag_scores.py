"""Scoring of recordings for `mmseg_ros evaluate`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ros.commands.export_options import export_paths
from mmseg_ros.commands.scored import Scored
from mmseg_ros.commands.sensors_option import sensors_of
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.evaluation.stopping import Stopped, never

if TYPE_CHECKING:
    from mmseg_ros.core.labels import LabelSpace
    from mmseg_ros.evaluation.bags import Evaluation
    from mmseg_ros.evaluation.options import EvaluationOptions
    from mmseg_ros.evaluation.truth import LabelSource
    from mmseg_ros.inference.bundle import Bundle


def score_bag(
    args: argparse.Namespace, source: Path, name: str, stopped: Stopped = never
) -> Scored:
    """Score a bundle on a recording as `evaluate` was asked to.

    Args:
        args: Of the verb.
        source: The recording.
        name: Of the bundle.
        stopped: Asked after every frame whether to end with what there is.
    """
    from mmseg_ros.bag.files import storage_files
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.evaluation.bags import evaluate
    from mmseg_ros.evaluation.outcome import fault_of
    from mmseg_ros.inference.bundle import load_bundle
    from mmseg_ros.metrics.score_report import score_report

    storage_files(source)  # a missing recording is told before a network is loaded
    bundle = load_bundle(name)
    options = options_of(args, bundle)
    with progress_bar('scoring') as progress:
        evaluation = evaluate(source, bundle, options, progress, stopped)
    page = score_report(
        evaluation.metrics, evaluation.stage_ms, evaluation.figures, evaluation.worst
    )
    return Scored(evaluation.metrics, _text(evaluation), page, fault_of(evaluation.metrics))


def options_of(args: argparse.Namespace, bundle: Bundle) -> EvaluationOptions:
    """Return how a recording is scored.

    Raises:
        ConfigError: An option is out of range.
    """
    from mmseg_ros.core.config import CalibrationConfig, NodeConfig
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.core.model_config import ModelConfig
    from mmseg_ros.evaluation.options import EvaluationOptions

    if args.every < 1:
        raise ConfigError(f'--every must be at least 1, but is {args.every}.')
    model = ModelConfig(
        bundle=str(bundle.path),
        backend=args.backend,
        threads=args.threads,
        precision=args.precision,
        aspect=args.aspect,
    )
    calibration = CalibrationConfig(intrinsics=args.intrinsics)
    return EvaluationOptions(
        args.subsets,
        args.every,
        args.calibration,
        sensors_of(args),
        NodeConfig(model=model, calibration=calibration),
        _labels(args, bundle.manifest.label_space),
        exports=export_paths(args),
    )


def _labels(args: argparse.Namespace, label_space: LabelSpace) -> LabelSource:
    """Return where the ground truth of a bag is."""
    from mmseg_ros.bag.sensor_setup import absolute
    from mmseg_ros.evaluation.label_map import load_label_map
    from mmseg_ros.evaluation.truth import LabelSource

    label_map = load_label_map(args.label_map, label_space) if args.label_map else None
    if args.labels is None:
        return LabelSource(label_map=label_map)
    if Path(args.labels).is_dir():
        return LabelSource(folder=Path(args.labels), label_map=label_map)
    return LabelSource(topic=absolute(args.labels), label_map=label_map)


def _as_recorded(metrics: Mapping[str, Any]) -> list[str]:
    """Return a line per group of frames, for recordings in which no frame has every sensor."""
    from mmseg_ros.metrics.report import number
    from mmseg_ros.metrics.score_report import group_name

    lines = [
        f'{group_name(row):28} mIoU {number(row["miou"])}  points {number(row["point_miou"])}  '
        f'{row["sets"]} frames\n'
        for row in metrics['recorded']
    ]
    sensors = subset_name(metrics['bundle']['modalities'])
    return [f'No scored frame has all of {sensors}; as recorded:\n', *lines]


def _text(evaluation: Evaluation) -> str:
    """Return the robustness table, the calibration error and what was not used."""
    from mmseg_ros.metrics.drops import drop_text
    from mmseg_ros.metrics.misalignment_section import misalignment_text
    from mmseg_ros.metrics.report import number, percent

    metrics = evaluation.metrics
    lines = [
        f'{subset_name(row["available"]):28} mIoU {number(row["miou"])}  '
        f'kept {percent(row["retained"])}\n'
        for row in metrics['robustness']
    ]
    if all(row['miou'] is None for row in metrics['robustness']):
        lines = _as_recorded(metrics)
    lines.append(f'{"calibration error (ECE)":28} {number(metrics["reliability"]["ece"])}\n')
    return ''.join(lines) + misalignment_text(metrics) + drop_text(metrics) + evaluation.exported
