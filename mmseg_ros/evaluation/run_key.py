"""What decides the result of a run, as one short text: equal keys, equal results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import EvaluationError

_CHARACTERS = 32


def source_state(source: Path) -> str:
    """Return a hash over the names, sizes and times of a source's files.

    Raises:
        EvaluationError: A file is not there or cannot be read.
    """
    files = sorted(p for p in source.rglob('*') if p.is_file()) if source.is_dir() else [source]
    digest = hashlib.sha256()
    try:
        for file in files:
            state = file.stat()
            name = file.relative_to(source) if file != source else Path(file.name)
            digest.update(f'{str(name)!r} {state.st_size} {state.st_mtime_ns}\n'.encode())
    except OSError as error:
        raise EvaluationError(f'{source} cannot be read: {error}.') from error
    return digest.hexdigest()[:_CHARACTERS]


def run_key(source: Path, manifest: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Return the key of a run.

    Args:
        source: Bag or data set.
        manifest: Content of the bundle's manifest.json, which holds the hashes of its files.
        request: Everything else that decides the result, JSON-ready or with a fixed `str`.

    Raises:
        EvaluationError: The source cannot be read.
    """
    parts = [source_state(source), manifest, request]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:_CHARACTERS]
