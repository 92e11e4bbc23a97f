"""Which pairs of source and bundle `mmseg_ros evaluate` has finished, for --resume."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mmseg_ros.commands.scored import Scored
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.output_errors import reported

_NO_MATTER = (
    *('sources', 'source', 'bundle', 'output', 'verb', 'resume', 'verify'),
    *('workers', 'ray', 'mirror'),
)
"""Options that do not change what comes out of one pair."""


def key_of(args: argparse.Namespace, source: Path, bundle: str) -> str:
    """Return the key of a pair's run; '' where its files cannot be read, which scoring reports."""
    from mmseg_ros.evaluation.run_key import run_key
    from mmseg_ros.inference.bundle import read_manifest

    request = {name: value for name, value in vars(args).items() if name not in _NO_MATTER}
    request |= {name: _state(request.get(name)) for name in ('calibration', 'label_map')}
    try:
        return run_key(source, read_manifest(bundle)[1], request)
    except MmsegError:
        return ''


def _state(path: Path | None) -> list[Any] | None:
    if path is None or not path.is_file():
        return None
    return [str(path), path.stat().st_size, path.stat().st_mtime_ns]


def begin(result: Path) -> None:
    """Take away the mark of an earlier run, before new files take the place of the old ones.

    Args:
        result: The pair's metrics.json or robustness.json.
    """
    mark = _mark(result)
    with reported(mark):
        mark.unlink(missing_ok=True)


def finish(result: Path, key: str) -> None:
    """Mark a pair as finished: after all its files are written."""
    write_text(_mark(result), json.dumps({'key': key}) + '\n')


def finished(result: Path, key: str) -> Scored | None:
    """Return the outcome of a pair that the same run has finished; None if there is none."""
    try:
        if not key or json.loads(_mark(result).read_text(encoding='utf-8')) != {'key': key}:
            return None
        metrics = json.loads(result.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return Scored(metrics, '') if isinstance(metrics, dict) else None


def _mark(result: Path) -> Path:
    return result.with_suffix('.finished.json')
