"""What a run leaves behind in text: recipe, environment, CSV and JSONL rows, progress."""

from __future__ import annotations

import csv
import io
import json
import logging
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mmseg_models.training.tensorboard_log import TensorboardLog
from mmseg_ros.core.atomic_files import append_text, write_text

LOG = logging.getLogger(__name__)
PACKAGES = ('torch', 'numpy', 'lightning-fabric', 'opencv-python-headless', 'safetensors')
COLUMNS = ('step', 'epoch', 'loss', 'learning_rate', 'gradient_norm', 'frames_per_s')


def write_run_files(run_dir: Path, recipe: dict[str, Any]) -> None:
    """Write recipe.yaml, with every default filled in, and environment.json."""
    write_text(run_dir / 'recipe.yaml', yaml.safe_dump(recipe, sort_keys=False))
    environment = {
        'git': git_revision(),
        'python': platform.python_version(),
        'machine': platform.platform(),
        'packages': {name: version(name) for name in PACKAGES},
        'command': sys.argv,
    }
    write_text(run_dir / 'environment.json', json.dumps(environment, indent=2))


def git_revision() -> str:
    """Return the source tree's commit, with `-dirty` if it was changed; `unknown` without git."""
    command = ['git', 'describe', '--always', '--dirty', '--abbrev=40', '--exclude=*']
    try:
        result = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return 'unknown'
    return result.stdout.strip() or 'unknown'


class RunLog:
    """Rows for files and a line for whoever watches: a bar on a terminal, else plain text.

    Rows of steps after `first_step`, which a resumed run does again, are removed on opening.

    Args:
        run_dir: Folder of `train.csv` and `log.jsonl`; None writes nothing (other processes).
        first_step: Steps already done. last_step: Steps when done.
        tensorboard: Whether TensorBoard's files are written too.

    Raises:
        MissingLibraryError: They are asked for and tensorboard is not installed.
    """

    def __init__(
        self, run_dir: Path | None, first_step: int, last_step: int, tensorboard: bool = False
    ) -> None:
        self._run_dir = run_dir
        self._board = TensorboardLog(run_dir, first_step) if run_dir and tensorboard else None
        self._last_step = last_step
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn('training'),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn('{task.fields[line]}'),
            console=console,
            disable=run_dir is None or not console.is_terminal,
        )
        self._task = self._bar.add_task('', total=last_step, completed=first_step, line='')
        if run_dir is not None:
            self._rewind(run_dir, first_step)

    def __enter__(self) -> RunLog:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if self._board:
            self._board.close()

    def advance(self, step: int) -> None:
        """Move the bar to `step`."""
        self._bar.update(self._task, completed=step)

    def training_row(self, row: dict[str, float]) -> None:
        """Record one row with the keys `COLUMNS`."""
        if self._run_dir is None:
            return
        path = self._run_dir / 'train.csv'
        append_text(path, _table([row], with_head=not path.exists()))
        self._append({'kind': 'train', **row})
        if self._board:
            self._board.training_row(row)
        self._say(
            f'loss {row["loss"]:.4f}  lr {row["learning_rate"]:.2e}  '
            f'{row["frames_per_s"]:.1f} frames/s',
            int(row['step']),
        )

    def validation_row(self, step: int, scores: dict[str, Any], final: bool) -> None:
        """Record the scores per sensor subset."""
        if self._run_dir is None:
            return
        kind = 'final' if final else 'validate'
        self._append({'kind': kind, 'step': step, 'scores': scores})
        if self._board:
            self._board.validation_row(step, scores, kind)
        text = '  '.join(f'{name} {score["miou"]:.3f}' for name, score in scores.items())
        LOG.info('step %d: mIoU %s', step, text)

    def _append(self, row: dict[str, Any]) -> None:
        if self._run_dir is not None:
            append_text(self._run_dir / 'log.jsonl', json.dumps(row) + '\n')

    def _say(self, line: str, step: int) -> None:
        if self._bar.disable:
            LOG.info('step %d/%d  %s', step, self._last_step, line)
        else:
            self._bar.update(self._task, completed=step, line=line)

    def _rewind(self, run_dir: Path, first_step: int) -> None:
        rows = run_dir / 'log.jsonl'
        if rows.exists():
            kept = [line for line in _whole_lines(rows) if json.loads(line)['step'] <= first_step]
            write_text(rows, ''.join(line + '\n' for line in kept))
        table = run_dir / 'train.csv'
        if table.exists():
            body = csv.DictReader(_whole_lines(table)[1:], COLUMNS)
            write_text(table, _table(row for row in body if int(row['step']) <= first_step))


def _whole_lines(path: Path) -> list[str]:
    """Return the lines of a file without a last one that a kill cut off."""
    return path.read_text(encoding='utf-8').rpartition('\n')[0].splitlines()


def _table(rows: Iterable[Mapping[str, Any]], with_head: bool = True) -> str:
    """Return rows with the keys `COLUMNS` as text of train.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator='\n')
    if with_head:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
