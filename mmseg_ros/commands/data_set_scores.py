"""Scoring of labeled data sets for `mmseg_ros evaluate`: frame by frame, without a bag."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.metrics.report import number

if TYPE_CHECKING:
    from mmseg_ros.core.class_map import ClassMap
    from mmseg_ros.core.labels import LabelSpace
    from mmseg_ros.core.types import Modality
    from mmseg_ros.datasets.frame import LabelledDataset
    from mmseg_ros.inference.bundle import Bundle

METRICS_FILE = 'metrics.json'


def run_data_set(args: argparse.Namespace) -> int:
    """Score a bundle on a data set as `evaluate` was asked to; print and write the scores."""
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.class_map import load_class_map
    from mmseg_ros.evaluation.data_sets import score_dataset
    from mmseg_ros.inference.backend import create_backend
    from mmseg_ros.inference.bundle import load_bundle
    from mmseg_ros.inference.deterministic_backend import SettledBackend
    from mmseg_ros.metrics.robustness import subsets_to_score

    bundle = load_bundle(args.bundle)
    manifest = bundle.manifest
    class_map = load_class_map(args.classes) if args.classes else None
    dataset = _open(args, bundle, class_map)
    backend = SettledBackend(create_backend(args.backend, args.threads, args.precision))
    backend.load(bundle)
    try:
        subsets = subsets_to_score(_held(args, manifest.modality_names), args.subsets)
        with progress_bar('scoring') as progress:
            rows = score_dataset(bundle, backend, dataset, subsets, progress, class_map).rows()
        head = {
            'schema_version': 1,
            'dataset': {'name': args.bag.name, 'split': args.split, 'frames': len(dataset)},
            'bundle': {
                'name': manifest.name,
                'onnx_sha256': manifest.files[bundle.onnx_path.name].sha256,
            },
            'options': {
                'backend': backend.name,
                'precision': backend.precision,
                **({'classes': class_map.target.id} if class_map else {}),
            },
        }
    finally:
        backend.close()
    sys.stdout.write(_class_table(rows) if class_map else _condition_table(rows))
    protocols = _run_protocols(args, bundle, dataset)
    path = write_metrics(output_of(args), head | {'scores': rows} | protocols)
    sys.stdout.write(f'{path}\n')
    return 0


def _open(args: argparse.Namespace, bundle: Bundle, class_map: ClassMap | None) -> LabelledDataset:
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.datasets.reader import open_dataset

    manifest = bundle.manifest
    names = manifest.modality_names
    if class_map is None:
        _require_classes(args.bag, manifest.label_space)
        return open_dataset(args.bag, args.split, names, manifest.label_space, args.condition)
    if args.condition or args.protocol:
        raise ConfigError(
            '--condition and --protocol are for data sets with all sensors; leave them out with '
            '--classes.'
        )
    return open_dataset(args.bag, args.split, names, class_map.target)


def _held(args: argparse.Namespace, modalities: Sequence[Modality]) -> list[Modality]:
    """Return the modalities of the bundle that the data set holds too."""
    from mmseg_ros.datasets.reader import find_reader

    held = find_reader(args.bag).modalities or modalities
    return [name for name in modalities if name in held]


def _require_classes(root: Path, space: LabelSpace) -> None:
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.core.labels import load_label_space
    from mmseg_ros.datasets.reader import find_reader

    reader = find_reader(root)
    if reader.label_space and load_label_space(reader.label_space).names != space.names:
        raise ConfigError(
            f'{root} is laid out as {reader.format} and labeled with the classes of '
            f'{reader.label_space!r}, but the bundle predicts {space.id!r}; pass a class map '
            f'between them, as with --classes camvid, or a YAML file of your own.'
        )


def _run_protocols(
    args: argparse.Namespace, bundle: Bundle, dataset: LabelledDataset
) -> dict[str, Any]:
    """Return {'protocols': scores} and print their means; nothing if none was asked for."""
    if not args.protocol:
        return {}
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.errors import ConfigError

    try:
        from mmseg_models.protocol_scores import score_protocols
    except ImportError as error:
        raise ConfigError(
            f'--protocol computes in torch ({error}); install mmseg_ros[train].'
        ) from error
    chosen = list(dict.fromkeys(args.protocol))
    with progress_bar('degrading the input') as progress:
        scores = score_protocols(bundle, dataset, chosen, progress)
    sys.stdout.write(_protocol_table(scores))
    return {'protocols': scores}


def _protocol_table(scores: dict[str, Any]) -> str:
    """Return the means as text: percent, as the benchmark has them."""
    rows = [('EMM', scores['emm'])] if 'emm' in scores else []
    rows += [(f'RMM r={rate}', value) for rate, value in scores.get('rmm', {}).items()]
    lines = []
    for name, value in rows:
        expected = '  '.join(f'E({p}) {miou:.2f}' for p, miou in value['expected'].items())
        lines.append(f'{name:28} average {value["average"]:.2f}  {expected}\n')
    lines += [f'NM {name:25} {miou:.2f}\n' for name, miou in scores.get('nm', {}).items()]
    return ''.join(lines)


def _class_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return mIoU and IoU per class of the only row as text."""
    row = rows[0]
    lines = [
        f'{"mIoU":28} {number(row["miou"])}',
        f'{"pixels":28} {number(row["pixel_accuracy"])}',
    ]
    lines += [f'{name:28} {number(value)}' for name, value in row['class_iou'].items()]
    return '\n'.join([*lines, ''])


def write_metrics(output: Path, metrics: dict[str, Any]) -> Path:
    """Write metrics.json into a folder, which is made, and return its path."""
    text = json.dumps(metrics, indent=2, sort_keys=True, allow_nan=False)
    path = output / METRICS_FILE
    write_text(path, text + '\n')
    return path


def output_of(args: argparse.Namespace) -> Path:
    """Return the folder that the scores of a bag or a data set go to."""
    name = args.bag.name if args.bag.is_dir() else args.bag.stem
    return Path(args.output or Path('out') / 'evaluate' / name)


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
