"""Scores as CSV, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ros.core.atomic_files import write_bytes
from mmseg_ros.core.subsets import subset_name


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV under a header of all their keys, in the order of first sight.

    A value that a row lacks, or that is None, is an empty cell.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; what of a name has no Unicode is written as an escape."""
    write_bytes(path, csv_text(rows).encode('utf-8', 'backslashreplace'))


def score_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one flat row per score of a metrics.json.

    Args:
        metrics: Of a recording (`recorded`, `withheld`) or of a data set (`scores`).

    Returns:
        Rows with source, bundle, table, condition, subset, then the figures, then one column
        `iou/CLASS` per class.
    """
    place = metrics.get('bag') or metrics['dataset']
    head = {'source': place['name'], 'bundle': metrics['bundle']['name']}
    return [
        head | {'table': table} | _flat(row)
        for table in ('recorded', 'withheld', 'scores')
        for row in metrics.get(table, ())
    ]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    given = row['available']
    flat: dict[str, Any] = {
        'condition': row.get('condition', ''),
        'subset': given if isinstance(given, str) else subset_name(given),
    }
    known = ('condition', 'available', 'class_iou', 'reliability')
    flat |= {name: value for name, value in row.items() if name not in known}
    return flat | {f'iou/{name}': value for name, value in row['class_iou'].items()}
