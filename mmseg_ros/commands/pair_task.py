"""One source with one bundle as a task that another process or machine can do."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmseg_ros.commands.export_options import local_exports
from mmseg_ros.commands.remote_files import Place, local_source
from mmseg_ros.commands.scored import Scored
from mmseg_ros.core.atomic_files import write_bytes
from mmseg_ros.core.errors import MmsegError
from mmseg_ros.evaluation.stopping import Stopped, never


@dataclass(frozen=True, slots=True)
class PairTask:
    """What to do.

    Attributes:
        args: Of the verb, with the exports of this pair.
        source: Bag or data set.
        bundle: Its name or folder.
        place: Folder of the scores.
        cwd: Where relative paths begin.
    """

    args: argparse.Namespace
    source: Place
    bundle: str
    place: Path
    cwd: str = field(default_factory=os.getcwd)


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What came out.

    Attributes:
        row: The pair's line of the summary.
        text: What was printed.
        fault: Why it failed, else ''.
        files: Content of the files of `place`, by name, where the task did not write them there.
    """

    row: dict[str, Any]
    text: str = ''
    fault: str = ''
    files: dict[str, bytes] = field(default_factory=dict)


def score_pair(task: PairTask, place: Path, stopped: Stopped = never) -> Scored:
    """Score one pair; URLs are copied here and there for it.

    Args:
        task: What to do.
        place: Folder of the scores.
        stopped: Asked after every frame whether to end with what there is.

    Raises:
        MmsegError: The source or the bundle cannot be used.
    """
    from mmseg_ros.commands.evaluate import evaluate_one

    with local_source(task.source) as source, local_exports(task.args) as args:
        return evaluate_one(args, source, task.bundle, place, stopped)


def run_task(task: PairTask, is_elsewhere: bool = False) -> PairOutcome:
    """Score one pair; never raises for a source or bundle that cannot be used.

    Args:
        task: What to do.
        is_elsewhere: Whether the folder of the scores may not be the one of who asked; then the
            files come back in the outcome.
    """
    from mmseg_ros.commands.many_scores import summary_row

    said = io.StringIO()
    with contextlib.ExitStack() as stack:
        place = task.place
        if is_elsewhere:
            if Path(task.cwd).is_dir():
                os.chdir(task.cwd)
            folder = stack.enter_context(TemporaryDirectory(prefix='mmseg-pair-'))
            place = Path(folder) / 'scores'
        try:
            with contextlib.redirect_stdout(said):
                scored = score_pair(task, place)
            row = summary_row(scored, task.source, task.bundle)
            fault = ''
        except MmsegError as error:
            fault = str(error)
            row = failed_row(task, fault)
        text = said.getvalue().replace(str(place), str(task.place))
        return PairOutcome(row, text, fault, _files(place) if is_elsewhere else {})


def failed_row(task: PairTask, fault: str) -> dict[str, Any]:
    """Return the line of the summary of a pair that could not be scored."""
    return {'source': str(task.source), 'bundle': task.bundle, 'fault': fault}


def keep_files(outcome: PairOutcome, place: Path) -> None:
    """Write the files that an outcome brought, the mark of a finished pair last.

    Raises:
        OutputError: They cannot be written.
    """
    for name in sorted(outcome.files, key=lambda name: (name.endswith('.finished.json'), name)):
        write_bytes(place / name, outcome.files[name])


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that hands out the tasks, and say nothing on its streams."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stderr = io.StringIO()


def _files(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    files = [path for path in sorted(folder.rglob('*')) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
