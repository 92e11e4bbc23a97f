"""`mmseg_ros evaluate`: run a bundle over a bag or a labeled data set and score it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import MOST_PROCESSES, whole_number
from mmseg_ros.commands.data_set_scores import METRICS_FILE, output_of, run_data_set, write_metrics
from mmseg_ros.commands.sensors_option import add_sensors, sensors_of
from mmseg_ros.core.atomic_files import require_writable
from mmseg_ros.core.resources import DEFAULT_BUNDLE
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.metrics.robustness import SUBSET_CHOICES

if TYPE_CHECKING:
    from mmseg_ros.core.labels import LabelSpace
    from mmseg_ros.evaluation.bags import Evaluation
    from mmseg_ros.evaluation.truth import LabelSource

PROTOCOLS = ('emm', 'rmm', 'nm')
LEAST_SHARE = 0.003
"""Share of the image from which on a target of a sentence is scored."""
EPILOG = """examples:
  python -m mmseg_ros evaluate out/sequence --bundle stitchfusion-b0-sim
  python -m mmseg_ros evaluate sequence.mcap --bundle my_bundle --subsets all --output out/scores
  python -m mmseg_ros evaluate out/deliver --split val --condition night --condition fog
  python -m mmseg_ros evaluate out/words --bundle crossvlt-small-sim
  python -m mmseg_ros evaluate out/deliver --protocol emm --protocol rmm --protocol nm
  python -m mmseg_ros evaluate CamVid --classes camvid --split test

A bag goes through the live node's collector and pipeline; metrics.json (the same bytes in every
run) and report.html are written. A data set in DeLiVER's folders (with img/) is scored frame by
frame, in all and per condition; one with text prompts scores a text-prompted bundle by kind and
size of the target, and with wrong text prompts. metrics.json is written."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        'bag', type=Path, help='bag folder, one .mcap or .db3 file, or the folder of a data set'
    )
    parser.add_argument('--bundle', default=DEFAULT_BUNDLE, help='folder or shipped name')
    parser.add_argument('--output', type=Path, default=None, help='folder; out/evaluate/<bag>')
    parser.add_argument(
        '--subsets',
        choices=SUBSET_CHOICES,
        default='drops',
        help='sensors withheld in turn: none, each one (default), or every combination',
    )
    parser.add_argument(
        '--every', type=whole_number(0), default=1, metavar='N', help='score every n-th frame'
    )
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
    parser.add_argument(
        '--labels', metavar='TOPIC|DIR', help='ground truth: topic of the bag, or folder of PNGs'
    )
    parser.add_argument(
        '--label-map', type=Path, metavar='FILE', help='YAML: ids or colors of it -> classes'
    )
    parser.add_argument('--backend', default='auto', help='inference runtime')
    parser.add_argument(
        '--threads',
        type=whole_number(0, MOST_PROCESSES),
        default=0,
        help='CPU threads; 0 is automatic',
    )
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
    parser.add_argument(
        '--classes', default='', metavar='MAP',
        help="from the bundle's classes to the labels', where they differ: camvid, another name "
        'in config/class_maps, or the YAML file of a class map (data set)',
    )  # fmt: skip
    parser.add_argument(
        '--protocol', action='append', default=[], choices=PROTOCOLS,
        help='also degrade the input without telling the network: whole modalities (emm), '
        'elements (rmm) or noise (nm); may be repeated; needs torch (data set)',
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Evaluate, write both files and say where they are."""
    require_writable(output_of(args) / METRICS_FILE)
    if args.classes or (args.bag / 'img').is_dir() or _is_data_set(args.bag):
        _reject_bag_options(args)
        return _run_referring(args) if _is_referring(args.bundle) else run_data_set(args)
    _reject_data_set_options(args)
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.config import CalibrationConfig, ModelConfig, NodeConfig
    from mmseg_ros.core.errors import BagError, ConfigError
    from mmseg_ros.evaluation.bags import EvaluationOptions, evaluate
    from mmseg_ros.evaluation.outcome import fault_of
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
    bundle = load_bundle(args.bundle)
    options = EvaluationOptions(
        args.subsets,
        args.every,
        args.calibration,
        sensors_of(args),
        NodeConfig(model=model, calibration=calibration),
        _labels(args, bundle.manifest.label_space),
    )
    with progress_bar('scoring') as progress:
        evaluation = evaluate(args.bag, bundle, options, progress)
    write(evaluation, output_of(args))
    fault = fault_of(evaluation.metrics)
    if fault:
        raise BagError(fault)
    return 0


def _reject_bag_options(args: argparse.Namespace) -> None:
    from mmseg_ros.core.errors import ConfigError

    if args.every != 1 or args.calibration or args.sensors or args.labels or args.label_map:
        raise ConfigError(
            f'{args.bag} is a data set: --every, --calibration, --sensors, --labels and '
            '--label-map are for bags; leave them out.'
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


def _reject_data_set_options(args: argparse.Namespace) -> None:
    from mmseg_ros.core.errors import ConfigError

    if args.protocol:
        raise ConfigError('--protocol is for data sets; a bag is scored with --subsets.')


def _is_data_set(path: Path) -> bool:
    from mmseg_ros.datasets.reader import is_data_set

    return is_data_set(path)


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
    sys.stdout.write(f'{write_metrics(output_of(args), metrics)}\n')
    return 0


def write(evaluation: Evaluation, output: Path) -> None:
    """Write metrics.json and report.html, and print the robustness table and the paths."""
    from mmseg_ros.metrics import report
    from mmseg_ros.metrics.drops import drop_text
    from mmseg_ros.metrics.score_report import score_report

    path = write_metrics(output, evaluation.metrics)
    page = score_report(evaluation.metrics, evaluation.stage_ms, evaluation.figures)
    report.write(page, output / 'report.html')
    for row in evaluation.metrics['robustness']:
        name, kept = subset_name(row['available']), report.percent(row['retained'])
        sys.stdout.write(f'{name:28} mIoU {report.number(row["miou"])}  kept {kept}\n')
    sys.stdout.write(drop_text(evaluation.metrics))
    sys.stdout.write(f'{path}\n{output / "report.html"}\n')
