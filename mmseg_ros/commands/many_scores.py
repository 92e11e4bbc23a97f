"""Several sources and several bundles in one run of `mmseg_ros evaluate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmseg_ros.commands.export_options import exports_below
from mmseg_ros.commands.failures import FAILED, INTERRUPTED
from mmseg_ros.commands.finished import finished, key_of
from mmseg_ros.commands.interruption import Interruption
from mmseg_ros.commands.pair_task import PairOutcome, PairTask, failed_row, keep_files, score_pair
from mmseg_ros.commands.remote_files import Place
from mmseg_ros.commands.scored import METRICS_FILE, Scored
from mmseg_ros.commands.summary_files import PAGE_FILE, SUMMARY_FILE, write_summary
from mmseg_ros.commands.task_runners import in_processes, on_ray
from mmseg_ros.core.atomic_files import require_writable
from mmseg_ros.core.errors import ConfigError, MmsegError
from mmseg_ros.core.output_errors import shown
from mmseg_ros.evaluation.stopping import Stopped

_LONGEST_FAULT = 300


def evaluate_many(
    args: argparse.Namespace, sources: Sequence[Place], bundles: Sequence[str]
) -> int:
    """Evaluate every source with every bundle; one that fails is reported and the others go on.

    The scores of each pair go to OUTPUT/SOURCE/BUNDLE, and one line per pair to summary.csv,
    summary.json and summary.html, written anew after each pair: an interrupted run keeps them.

    Returns:
        0, or 1 if a pair failed.
    """
    output = Path(args.output or Path('out') / 'evaluate')
    places = _places(output, sources, bundles)
    require_writable(output / SUMMARY_FILE)
    tasks = [
        PairTask(exports_below(args, place.relative_to(output)), source, bundle, place)
        for (source, bundle), place in places.items()
    ]
    found: dict[int, dict[str, Any]] = {}
    with Interruption() as stop:
        for i, outcome in _outcomes(args, tasks, stop):
            name = f'{shown(tasks[i].source)} with {shown(tasks[i].bundle)}'
            sys.stdout.write(f'[{len(found) + 1}/{len(tasks)}] {name}\n{outcome.text}')
            if outcome.fault:
                sys.stderr.write(f'mmseg_ros evaluate: {name}: {_brief(outcome.fault)}\n')
            keep_files(outcome, tasks[i].place)
            found[i] = outcome.row
            rows = [found[number] for number in sorted(found)]
            write_summary(args, rows, output)
            args.mirror(output)
    return _closed([found[number] for number in sorted(found)], len(tasks), output)


def _outcomes(
    args: argparse.Namespace, tasks: Sequence[PairTask], stop: Stopped
) -> Iterator[tuple[int, PairOutcome]]:
    """Yield number and outcome of the pairs as they are done, however they are run."""
    if args.ray:
        done = dict(_finished_before(args, tasks))
        yield from done.items()
        left = [i for i in range(len(tasks)) if i not in done]
        for k, outcome in on_ray([tasks[i] for i in left], args.ray, stop):
            yield left[k], outcome
    elif args.workers > 1:
        yield from in_processes(tasks, args.workers, stop)
    else:
        yield from _one_by_one(tasks, stop)


def _finished_before(
    args: argparse.Namespace, tasks: Sequence[PairTask]
) -> Iterator[tuple[int, PairOutcome]]:
    """Yield the pairs that an earlier run has finished: other machines do not see them."""
    from mmseg_ros.commands.evaluate import result_file

    for i, task in enumerate(tasks):
        if args.resume and isinstance(task.source, Path):
            key = key_of(task.args, task.source, task.bundle)
            scored = finished(task.place / result_file(args), key)
            if scored is not None:
                yield i, PairOutcome(summary_row(scored, task.source, task.bundle))


def _one_by_one(tasks: Sequence[PairTask], stop: Stopped) -> Iterator[tuple[int, PairOutcome]]:
    for i, task in enumerate(tasks):
        try:
            scored = score_pair(task, task.place, stop)
            if 'interrupted' in scored.metrics:
                return
            yield i, PairOutcome(summary_row(scored, task.source, task.bundle))
        except MmsegError as error:
            yield i, PairOutcome(failed_row(task, str(error)), fault=str(error))
        if stop():
            return


def _closed(rows: Sequence[dict[str, Any]], count: int, output: Path) -> int:
    """Print the table and return the exit status."""
    sys.stdout.write(summary_text(rows))
    failed = [row for row in rows if row['fault']]
    if len(failed) < len(rows):
        sys.stdout.write(f'{output / SUMMARY_FILE}\n{output / PAGE_FILE}\n')
    if len(rows) < count:
        sys.stderr.write(
            f'mmseg_ros evaluate: interrupted after {len(rows)} of {count} pairs; the same '
            'command with --resume does the others.\n'
        )
        return INTERRUPTED
    return FAILED if failed else 0


def summary_row(scored: Scored, source: Place, bundle: str) -> dict[str, Any]:
    """Return the main scores of one pair, flat."""
    metrics = scored.metrics
    scores = metrics.get('recorded') or metrics['scores']
    first = scores[0] if isinstance(scores, list) else next(iter(scores.values()))
    kept = [row['retained'] for row in metrics.get('robustness', ()) if row['missing']]
    known = [value for value in kept if value is not None]
    return {
        'source': str(source),
        'bundle': bundle,
        'frames': len(metrics.get('frames', ())) or first.get('frames', 0),
        'miou': first['miou'],
        'pixel_accuracy': first.get('pixel_accuracy'),
        'ece': first.get('ece'),
        'point_miou': first.get('point_miou'),
        'worst_subset_keeps': min(known, default=None),
        'fault': '',
    }


def summary_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return one line per pair, best mIoU first, failed ones last."""
    from mmseg_ros.metrics.report import number, percent

    width = max((len(_pair_name(row)) for row in rows), default=0)
    lines = []
    for row in sorted(rows, key=lambda row: -(row.get('miou') or -1.0)):
        name = _pair_name(row)
        lines.append(
            f'{name:{width}}  failed: {_brief(row["fault"])}\n'
            if row['fault']
            else f'{name:{width}}  mIoU {number(row["miou"])}  ECE {number(row["ece"])}  '
            f'worst subset keeps {percent(row["worst_subset_keeps"])}\n'
        )
    return ''.join(lines)


def _pair_name(row: dict[str, Any]) -> str:
    return f'{shown(row["source"])} {shown(row["bundle"])}'


def _brief(text: str) -> str:
    return text if len(text) <= _LONGEST_FAULT else f'{text[:_LONGEST_FAULT]}...'


def _places(
    output: Path, sources: Sequence[Place], bundles: Sequence[str]
) -> dict[tuple[Place, str], Path]:
    """Return the folder of each pair.

    Raises:
        ConfigError: Two pairs would share one, as their names are the same.
    """
    from mmseg_ros.commands.evaluate import source_name

    places = {
        (source, bundle): output / source_name(source) / Path(bundle).name
        for source in sources
        for bundle in bundles
    }
    taken: dict[Path, tuple[Place, str]] = {}
    for pair, place in places.items():
        if place in taken:
            raise ConfigError(
                f'{pair[0]} with {pair[1]} and {taken[place][0]} with {taken[place][1]} would '
                f'both write {place / METRICS_FILE}; rename one, or run them one by one.'
            )
        taken[place] = pair
    return places
