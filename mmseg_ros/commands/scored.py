"""What `mmseg_ros evaluate` prints and writes of one source and one bundle."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.metrics.report import Report

METRICS_FILE = 'metrics.json'
ROBUSTNESS_FILE = 'robustness.json'
TABLE_FILE = 'scores.csv'
REPORT_FILE = 'report.html'
_PER_FRAME = 'frames'


@dataclass(frozen=True, slots=True)
class Scored:
    """The outcome of one source and one bundle.

    Attributes:
        metrics: Content of metrics.json.
        text: What is printed.
        page: The report; None where there is none.
        fault: Why the outcome says nothing about the bundle; '' if it does.
    """

    metrics: dict[str, Any]
    text: str
    page: Report | None = None
    fault: str = ''


def write_scored(scored: Scored, output: Path) -> None:
    """Write metrics.json, scores.csv and report.html into a folder, and print text and paths."""
    from mmseg_ros.metrics import report
    from mmseg_ros.metrics.score_table import score_rows, write_csv

    paths = [write_metrics(output, scored.metrics)]
    if scored.page is not None:
        write_csv(output / TABLE_FILE, score_rows(scored.metrics))
        report.write(scored.page, output / REPORT_FILE)
        paths += [output / TABLE_FILE, output / REPORT_FILE]
    sys.stdout.write(scored.text + ''.join(f'{path}\n' for path in paths))


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """Return the text of a metrics.json: indented, but one line per frame under `frames`."""
    head = {name: value for name, value in metrics.items() if name != _PER_FRAME}
    text = json.dumps(head, indent=2, sort_keys=True, allow_nan=False)
    if _PER_FRAME not in metrics:
        return text + '\n'
    lines = [
        '    ' + json.dumps(frame, separators=(',', ':'), sort_keys=True, allow_nan=False)
        for frame in metrics[_PER_FRAME]
    ]
    content = '\n' + ',\n'.join(lines) + '\n  ' if lines else ''
    return f'{text[:-2]},\n  "{_PER_FRAME}": [{content}]\n}}\n'


def write_metrics(output: Path, metrics: Mapping[str, Any]) -> Path:
    """Write metrics.json into a folder, which is made, and return its path."""
    path = output / METRICS_FILE
    write_text(path, metrics_text(metrics))
    return path
