"""Scoring of labeled data sets for `mmseg_ros evaluate`: frame by frame, without a bag."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ros.commands.export_options import export_paths
from mmseg_ros.commands.scored import Scored
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.evaluation.stopping import Stopped, never
from mmseg_ros.metrics.report import number

if TYPE_CHECKING:
    from mmseg_ros.core.class_map import ClassMap
    from mmseg_ros.core.labels import LabelSpace
    from mmseg_ros.core.types import Modality
    from mmseg_ros.datasets.frame import LabelledDataset
    from mmseg_ros.evaluation.data_set_studies import DataSetStudies
    from mmseg_ros.evaluation.mask_folder import MaskFolder
    from mmseg_ros.inference.bundle import Bundle


def score_data_set(
    args: argparse.Namespace, source: Path, name: str, stopped: Stopped = never
) -> Scored:
    """Score a bundle on a data set as `evaluate` was asked to.

    Args:
        args: Of the verb.
        source: Folder of the data set.
        name: Of the bundle.
        stopped: Asked after every frame whether to end with what there is.
    """
    from mmseg_ros.core.class_map import load_class_map
    from mmseg_ros.evaluation.data_set_studies import DataSetStudies
    from mmseg_ros.inference.bundle import load_bundle
    from mmseg_ros.metrics.data_set_report import data_set_report

    bundle = load_bundle(name)
    class_map = load_class_map(args.classes) if args.classes else None
    dataset = open_data_set(args, source, bundle, class_map)
    studies = DataSetStudies(class_map.target if class_map else bundle.manifest.label_space)
    metrics = _metrics(args, bundle, dataset, class_map, studies, stopped)
    rows = metrics['scores']
    text = _class_table(rows) if class_map else _condition_table(rows)
    text += f'{"calibration error (ECE)":28} {number(rows[0]["ece"])}\n'
    legacy = _legacy(args, source, rows)
    metrics |= legacy
    text += _legacy_text(legacy)
    protocols = _run_protocols(args, bundle, dataset, stopped)
    text += _protocol_table(protocols) if protocols else ''
    metrics |= {'protocols': protocols} if protocols else {}
    return Scored(metrics, text, data_set_report(metrics, studies.worst.figures()))


def _metrics(
    args: argparse.Namespace,
    bundle: Bundle,
    dataset: LabelledDataset,
    class_map: ClassMap | None,
    studies: DataSetStudies,
    stopped: Stopped,
) -> dict[str, Any]:
    """Score every subset on every frame and return the content of metrics.json."""
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.model_config import ModelConfig
    from mmseg_ros.evaluation.data_sets import score_dataset
    from mmseg_ros.evaluation.network import loaded_network
    from mmseg_ros.metrics.robustness import subsets_to_score

    manifest = bundle.manifest
    held = held_modalities(dataset.root, manifest.modality_names, args.format)
    subsets = subsets_to_score(held, args.subsets)
    space = class_map.target if class_map else manifest.label_space
    model = ModelConfig(backend=args.backend, threads=args.threads, precision=args.precision)
    with (
        loaded_network(bundle, model) as backend,
        progress_bar('scoring') as progress,
        _masks(args, space) as masks,
    ):
        scores = score_dataset(
            bundle,
            backend,
            dataset,
            subsets,
            progress,
            class_map,
            stopped,
            masks,
            args.aspect,
            studies,
        )
        options = {
            'backend': backend.name,
            'precision': backend.precision,
            'aspect': args.aspect,
        }
    done = len(scores.per_frame)
    return {
        'schema_version': 1,
        'dataset': {'name': dataset.root.name, 'split': args.split, 'frames': done},
        'bundle': {
            'name': manifest.name,
            'onnx_sha256': manifest.files[bundle.onnx_path.name].sha256,
        },
        'label_space': space.summary(),
        'options': options | ({'classes': space.id} if class_map else {}),
        'scores': scores.rows(),
        'reliability': scores.reliability(),
        **studies.plain(),
        'frames': scores.per_frame,
    } | ({'interrupted': {'frames': done}} if done < len(dataset) else {})


def _masks(
    args: argparse.Namespace, label_space: LabelSpace
) -> AbstractContextManager[MaskFolder | None]:
    """Return what takes the label images, if they are to be written."""
    from mmseg_ros.evaluation.mask_folder import mask_folder

    folder = export_paths(args).masks
    return nullcontext() if folder is None else mask_folder(folder, label_space)


def open_data_set(
    args: argparse.Namespace, source: Path, bundle: Bundle, class_map: ClassMap | None
) -> LabelledDataset:
    """Open a data set with the modalities of a bundle.

    Args:
        args: Of the verb.
        source: Its folder.
        bundle: Whose modalities are read.
        class_map: From the bundle's classes to its own; None if they are the same.

    Raises:
        ConfigError: Its classes are others, or options contradict each other.
        DatasetError: It is none, or incomplete.
    """
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.datasets.options import CORRECT, LEGACY, ReadOptions
    from mmseg_ros.datasets.reader import open_dataset

    manifest = bundle.manifest
    encodings = {spec.name: spec.encoding for spec in manifest.modalities}
    protocol = LEGACY if LEGACY in args.protocol else CORRECT
    options = ReadOptions(protocol, args.on_bad_file, encodings)
    if class_map is None:
        _require_classes(source, manifest.label_space, args.format)
    elif set(args.protocol) - {LEGACY}:
        raise ConfigError(
            '--protocol emm, rmm and nm are for data sets with the classes of the bundle; leave '
            'them out with --classes.'
        )
    space = class_map.target if class_map else manifest.label_space
    names = manifest.modality_names
    return open_dataset(source, args.split, names, space, args.condition, args.format, options)


def held_modalities(
    root: Path, modalities: Sequence[Modality], data_format: str = 'auto'
) -> list[Modality]:
    """Return the modalities of the bundle that the data set holds too."""
    from mmseg_ros.datasets.reader import find_reader

    held = find_reader(root, data_format).held_by(root)[1] or modalities
    return [name for name in modalities if name in held]


def _require_classes(root: Path, space: LabelSpace, data_format: str) -> None:
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.core.labels import load_label_space
    from mmseg_ros.datasets.reader import find_reader

    reader = find_reader(root, data_format)
    if reader.label_space and load_label_space(reader.label_space).names != space.names:
        raise ConfigError(
            f'{root} is laid out as {reader.format} and labeled with the classes of '
            f'{reader.label_space!r}, but the bundle predicts {space.id!r}; pass a class map '
            f'between them, as with --classes camvid, or a YAML file of your own.'
        )


def _legacy(
    args: argparse.Namespace, source: Path, rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return how the published tables deviate, and their mean over the classes of all frames."""
    from mmseg_ros.datasets.reader import find_reader, legacy_of

    if 'legacy' not in args.protocol:
        return {}
    legacy = legacy_of(find_reader(source, args.format))
    values = rows[0]['class_iou'].values()
    absent = 0.0 if legacy.absent_counts_zero else None
    counted = [absent if value is None else value for value in values]
    known = [value for value in counted if value is not None]
    mean = sum(known) / len(known) if known else None
    return {'legacy': {'deviation': legacy.deviation, 'miou': mean}}


def _legacy_text(metrics: dict[str, Any]) -> str:
    if not metrics:
        return ''
    legacy = metrics['legacy']
    return f'{"mIoU, legacy protocol":28} {number(legacy["miou"])}\n{legacy["deviation"]}\n'


def _run_protocols(
    args: argparse.Namespace, bundle: Bundle, dataset: LabelledDataset, stopped: Stopped
) -> dict[str, Any]:
    """Return the scores of the protocols that were asked for."""
    chosen = [name for name in dict.fromkeys(args.protocol) if name != 'legacy']
    if not chosen or stopped():
        return {}
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.errors import ConfigError

    try:
        from mmseg_models.protocol_scores import score_protocols
    except ImportError as error:
        raise ConfigError(
            f'--protocol computes in torch ({error}); install mmseg_ros[train].'
        ) from error
    with progress_bar('degrading the input') as progress:
        scores = score_protocols(
            bundle, dataset, chosen, progress, stopped=stopped, aspect=args.aspect
        )
    return dict(scores)


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
