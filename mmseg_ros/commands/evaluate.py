"""`mmseg_ros evaluate`: run a bundle over a bag or a labelled data set and score it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ros.commands.sensors_option import add_sensors, sensors_of
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.metrics.report import number
from mmseg_ros.metrics.robustness import SUBSET_CHOICES

if TYPE_CHECKING:
    from mmseg_ros.evaluation.bags import Evaluation

LEAST_SHARE = 0.003
"""Share of the image from which on a target of a sentence is scored."""
EPILOG = """examples:
  python -m mmseg_ros evaluate out/drive --bundle stitchfusion-b0-sim
  python -m mmseg_ros evaluate drive.mcap --bundle my_bundle --subsets all --output out/scores
  python -m mmseg_ros evaluate out/deliver --split val --condition night --condition fog
  python -m mmseg_ros evaluate out/words --bundle crossvlt-small-sim

A bag goes through the live node's collector and pipeline; metrics.json (the same bytes in every
run) and report.html are written. A data set in DeLiVER's folders (with img/) is scored frame by
frame, in all and per condition; one with sentences scores a text-prompted bundle by kind and size
of what is meant, and with wrong sentences. metrics.json is written."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        'bag', type=Path, help='bag folder, one .mcap or .db3 file, or the folder of a data set'
    )
    parser.add_argument('--bundle', default='stitchfusion-b0-sim', help='folder or shipped name')
    parser.add_argument('--output', type=Path, default=None, help='folder; out/evaluate/<bag>')
    parser.add_argument(
        '--subsets',
        choices=SUBSET_CHOICES,
        default='drops',
        help='sensors withheld in turn: none, each one (default), or every combination',
    )
    parser.add_argument('--every', type=int, default=1, metavar='N', help='score every n-th set')
    parser.add_argument(
        '--calibration', type=Path, default=None, help="calibration file instead of the bag's own"
    )
    add_sensors(parser, 'which topic is which sensor (bag)')
    parser.add_argument(
        '--intrinsics',
        choices=('auto', 'file', 'camera_info'),
        default='auto',
        help="who tells the intrinsics: auto takes the calibration file's where it has some",
    )
    parser.add_argument('--backend', default='auto', help='inference runtime')
    parser.add_argument('--threads', type=int, default=0, help='CPU threads; 0 is automatic')
    parser.add_argument(
        '--precision', default='fp32', help='what OpenVINO computes in: fp32, fp16 or bf16'
    )
    parser.add_argument('--split', default='val', help='train, val or test (data set)')
    parser.add_argument(
        '--condition',
        action='append',
        default=[],
        help='only this one (data set)',
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, write both files and say where they are."""
    if (args.bag / 'img').is_dir():
        _refuse_bag_options(args)
        return _run_referring(args) if _is_referring(args.bundle) else _run_dataset(args)
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.config import CalibrationConfig, ModelConfig, NodeConfig
    from mmseg_ros.core.errors import BagError, ConfigError
    from mmseg_ros.evaluation.bags import EvaluationOptions, evaluate, fault_of
    from mmseg_ros.inference.bundle import load_bundle

    if args.every < 1:
        raise ConfigError(f'--every must be at least 1, but is {args.every}.')
    model = ModelConfig(
        bundle=str(args.bundle),
        backend=args.backend,
        threads=args.threads,
        precision=args.precision,
    )
    calibration = CalibrationConfig(intrinsics=args.intrinsics)
    options = EvaluationOptions(
        args.subsets,
        args.every,
        args.calibration,
        sensors_of(args),
        NodeConfig(model=model, calibration=calibration),
    )
    bundle = load_bundle(args.bundle)
    with progress_bar('scoring') as progress:
        evaluation = evaluate(args.bag, bundle, options, progress)
    output = args.output or Path('out') / 'evaluate' / args.bag.stem
    write(evaluation, output)
    fault = fault_of(evaluation.metrics)
    if fault:
        raise BagError(fault)
    return 0


def _run_dataset(args: argparse.Namespace) -> int:
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.datasets.deliver import DeliverDataset
    from mmseg_ros.evaluation.data_sets import score_dataset
    from mmseg_ros.inference.backend import create_backend
    from mmseg_ros.inference.bundle import load_bundle
    from mmseg_ros.inference.deterministic_backend import SettledBackend
    from mmseg_ros.metrics.robustness import subsets_to_score

    bundle = load_bundle(args.bundle)
    manifest = bundle.manifest
    names = manifest.modality_names
    dataset = DeliverDataset(args.bag, args.split, names, manifest.label_space, args.condition)
    backend = SettledBackend(create_backend(args.backend, args.threads, args.precision))
    backend.load(bundle)
    try:
        subsets = subsets_to_score(names, args.subsets)
        with progress_bar('scoring') as progress:
            rows = score_dataset(bundle, backend, dataset, subsets, progress).rows()
        head = {
            'schema_version': 1,
            'dataset': {'name': args.bag.name, 'split': args.split, 'frames': len(dataset)},
            'bundle': {
                'name': manifest.name,
                'onnx_sha256': manifest.files[bundle.onnx_path.name].sha256,
            },
            'options': {'backend': backend.name, 'precision': backend.precision},
        }
    finally:
        backend.close()
    sys.stdout.write(_condition_table(rows))
    path = _write_metrics(_dataset_output(args), head | {'scores': rows})
    sys.stdout.write(f'{path}\n')
    return 0


def _refuse_bag_options(args: argparse.Namespace) -> None:
    from mmseg_ros.core.errors import ConfigError

    if args.every != 1 or args.calibration is not None or args.sensors:
        raise ConfigError(
            f'{args.bag} is a data set: --every, --calibration and --sensors are for bags; leave '
            'them out.'
        )


def _is_referring(bundle: str) -> bool:
    from mmseg_ros.inference.bundle import read_manifest
    from mmseg_ros.inference.manifest_reader import REFERRING, task_of

    return task_of(read_manifest(bundle)[1]) == REFERRING


def _run_referring(args: argparse.Namespace) -> int:
    import numpy as np

    from mmseg_models.training.referring_data import load_pictures
    from mmseg_models.training.referring_validation import full_scores
    from mmseg_ros.datasets.refer_sim import SimulatedReferring
    from mmseg_ros.referring.segmenter import load_segmenter

    pictures = load_pictures([SimulatedReferring(args.bag, args.split, regions=True)], 0.0)
    segmenter = load_segmenter(args.bundle, args.backend, args.threads)
    try:
        scores = full_scores(
            lambda image, sentences: np.asarray(segmenter.segment(image, sentences).meant),
            pictures,
            LEAST_SHARE,
        )
    finally:
        segmenter.close()
    for name, row in scores.items():
        sys.stdout.write(f'{name:58} {row["count"]:5}  mIoU {row["miou"]:.3f}\n')
    metrics = {'schema_version': 1, 'bundle': args.bundle, 'scores': scores}
    sys.stdout.write(f'{_write_metrics(_dataset_output(args), metrics)}\n')
    return 0


def _write_metrics(output: Path, metrics: dict[str, Any]) -> Path:
    """Write metrics.json into a folder, which is made, and return its path."""
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(metrics, indent=2, sort_keys=True, allow_nan=False)
    path = output / 'metrics.json'
    path.write_text(text + '\n', encoding='utf-8')
    return path


def _dataset_output(args: argparse.Namespace) -> Path:
    return Path(args.output or Path('out') / 'evaluate' / args.bag.name)


def _condition_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return mIoU as text, one line per subset and one column per condition."""
    conditions = list(dict.fromkeys(row['condition'] for row in rows))
    table = {(row['condition'], subset_name(row['available'])): row['miou'] for row in rows}
    counts = {row['condition']: row['frames'] for row in rows}
    lines = [['mIoU', *conditions], ['frames', *(str(counts[name]) for name in conditions)]]
    for subset in dict.fromkeys(subset_name(row['available']) for row in rows):
        lines.append([subset, *(number(table[name, subset]) for name in conditions)])
    return ''.join(
        f'{line[0]:28}' + ''.join(f'{cell:>9}' for cell in line[1:]) + '\n' for line in lines
    )


def write(evaluation: Evaluation, output: Path) -> None:
    """Write metrics.json and report.html, and print the robustness table and the paths."""
    from mmseg_ros.metrics import report
    from mmseg_ros.metrics.drops import drop_text
    from mmseg_ros.metrics.score_report import score_report

    path = _write_metrics(output, evaluation.metrics)
    page = score_report(evaluation.metrics, evaluation.stage_ms, evaluation.figures)
    report.write(page, output / 'report.html')
    for row in evaluation.metrics['robustness']:
        name, kept = subset_name(row['available']), report.percent(row['retained'])
        sys.stdout.write(f'{name:28} mIoU {report.number(row["miou"])}  kept {kept}\n')
    sys.stdout.write(drop_text(evaluation.metrics))
    sys.stdout.write(f'{path}\n{output / "report.html"}\n')
