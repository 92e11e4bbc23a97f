"""summary.csv, summary.json and summary.html over several sources and bundles."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from mmseg_ros.commands.remote_files import place
from mmseg_ros.commands.scored import REPORT_FILE
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.errors import MmsegError

SUMMARY_FILE = 'summary.csv'
JSON_FILE, PAGE_FILE = 'summary.json', 'summary.html'
_ROBUSTNESS_PAGE = 'robustness.html'


def write_summary(args: argparse.Namespace, rows: Sequence[dict[str, Any]], output: Path) -> None:
    """Write what there is; where nothing was scored yet, nothing.

    Args:
        args: Of the verb.
        rows: One per pair that was tried, as of `summary_row`.
        output: Folder of all pairs.
    """
    from mmseg_ros.metrics import report
    from mmseg_ros.metrics.score_table import write_csv
    from mmseg_ros.metrics.summary_report import summary_report

    if all(row['fault'] for row in rows):
        return
    agreements, note = _agreements(args, rows)
    content = {'schema_version': 1, 'pairs': rows, 'agreement': agreements}
    write_csv(output / SUMMARY_FILE, rows)
    write_text(output / JSON_FILE, json.dumps(content, indent=2, allow_nan=False) + '\n')
    file = _ROBUSTNESS_PAGE if args.robustness else REPORT_FILE
    linked = [row | {'page': f'{pair_folder(row)}/{file}'} for row in rows]
    report.write(summary_report(linked, agreements, note), output / PAGE_FILE)


def pair_folder(row: dict[str, Any]) -> Path:
    """Return the folder of a pair, below that of all pairs."""
    from mmseg_ros.commands.evaluate import source_name

    return Path(source_name(place(row['source']))) / Path(row['bundle']).name


def _agreements(
    args: argparse.Namespace, rows: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], str]:
    """Return how far the bundles agree on each source, and why not where they are not compared."""
    from mmseg_ros.evaluation.label_agreement import label_agreement

    done = [row for row in rows if not row['fault']]
    found, notes = [], []
    for one, other in combinations(done, 2):
        if one['source'] != other['source']:
            continue
        if args.export_masks is None:
            notes.append('--export-masks DIR keeps the labels of all bundles to compare them.')
            continue
        try:
            folders = [args.export_masks / pair_folder(row) for row in (one, other)]
            agreement = label_agreement(*folders)
        except MmsegError as error:
            notes.append(str(error))
            continue
        head = {'source': one['source'], 'a': one['bundle'], 'b': other['bundle']}
        found.append(head | agreement)
    return found, ' '.join(dict.fromkeys(notes)) or 'No source was scored with two bundles.'
