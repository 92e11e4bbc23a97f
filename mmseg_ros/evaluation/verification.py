"""Whether two runs of one evaluation came out the same, and where they differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from mmseg_ros.core.errors import EvaluationError

_MISSING: Mapping[str, Any] = {}


def require_same(first: Mapping[str, Any], second: Mapping[str, Any], texts: list[str]) -> str:
    """Return a sentence that says what was the same.

    Args:
        first: Content of metrics.json of one run.
        second: Of the other.
        texts: The bytes of both files, as text.

    Raises:
        EvaluationError: They differ; names the first difference.
    """
    images = sum(len(frame['scores']) for frame in first.get('frames', ()))
    place = _difference(first, second)
    if place or texts[0] != texts[1]:
        raise EvaluationError(
            f'Two runs differ: {place or "the files, though not their values"}. One thread '
            '(--threads 1) and another runtime (--backend) tell where it comes from.'
        )
    digest = hashlib.sha256(texts[0].encode()).hexdigest()
    return (
        f'verified: two runs gave the same {images} label images of '
        f'{len(first.get("frames", ()))} frames and the same metrics.json (sha256 {digest[:16]})'
    )


def _difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Return where two runs differ, frames first; '' if nowhere."""
    frames = zip_longest(first.get('frames', ()), second.get('frames', ()), fillvalue=_MISSING)
    for ours, theirs in frames:
        if ours == theirs:
            continue
        if ours.get('name') != theirs.get('name'):
            return f'frame {ours.get("name", "none")} against {theirs.get("name", "none")}'
        return f'frame {ours["name"]}, {_of_frame(ours, theirs)}'
    for name in sorted({*first, *second}):
        if first.get(name) != second.get(name):
            return f'{name}: {_short(first.get(name))} against {_short(second.get(name))}'
    return ''


def _of_frame(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    for subset in dict.fromkeys([*ours['scores'], *theirs['scores']]):
        one, other = (frame['scores'].get(subset, _MISSING) for frame in (ours, theirs))
        if one.get('labels') != other.get('labels'):
            return f'labels with {subset}'
        if one != other:
            return f'counts with {subset}'
    return 'its condition or sensors'


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + '...'
