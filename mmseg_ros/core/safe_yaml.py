"""Small text files of others: read only if regular and short, parsed only if flat and plain.

A pipe blocks whoever opens it, a device never ends, and a kilobyte of YAML whose aliases name each
other unfolds into gigabytes. So kind, size, depth and unfolded size are looked at first.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import yaml

from mmseg_ros.core.errors import MmsegError

MOST_BYTES = 4_000_000
MOST_TABLE_BYTES = 2_000_000_000
"""For tables of whole data sets and results per frame, which are long by nature."""
MOST_NODES = 200_000
DEEPEST = 40
_LOADER: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_DAMAGE = (ValueError, OverflowError, RecursionError, MemoryError, TypeError, yaml.YAMLError)


def read_text(path: Path, error: type[MmsegError], most_bytes: int = MOST_BYTES) -> str:
    """Return the content of a regular file of UTF-8 text.

    Args:
        path: The file.
        error: What to raise.
        most_bytes: Longer files are rejected.

    Raises:
        MmsegError: Of the type asked for: the file is absent, not regular, too long or no text.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, 'rb') as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise error(f'{path} is no regular file: give the path of a file on disk.')
            content = stream.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise error(f'{path} is longer than {most_bytes} bytes: it is another kind of file.')
        text = content.decode('utf-8')
    except (OSError, ValueError) as reason:
        raise error(f'{path}: cannot read it as text ({reason}).') from reason
    if '\0' in text:
        raise error(f'{path} holds zero bytes: it is no text.')
    return text


def load_yaml(path: Path, error: type[MmsegError]) -> Any:
    """Return the content of a YAML (or JSON) file.

    Args:
        path: The file.
        error: What to raise.

    Raises:
        MmsegError: Of the type asked for, as of `read_text` and `parse_yaml`.
    """
    return parse_yaml(read_text(path, error), str(path), error)


def parse_yaml(text: str, source: str, error: type[MmsegError]) -> Any:
    """Return the content of YAML text.

    Args:
        text: The text.
        source: Where it comes from, for messages.
        error: What to raise.

    Raises:
        MmsegError: Of the type asked for: the text is no YAML, is nested deeper than `DEEPEST`, or
            holds more than `MOST_NODES` values with its aliases written out.
    """
    if len(text) > MOST_BYTES:
        raise error(f'{source} is longer than {MOST_BYTES} characters.')
    try:
        fault = _structure_fault(text)
        if not fault:
            return yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe loader)
    except _DAMAGE as reason:
        raise error(f'{source}: cannot read it as YAML ({_short(reason)}).') from reason
    raise error(f'{source}: {fault}.')


def load_json(path: Path, error: type[MmsegError], most_bytes: int = MOST_BYTES) -> Any:
    """Return the content of a JSON file; arguments and errors as of `read_text`."""
    text = read_text(path, error, most_bytes)
    try:
        return json.loads(text)
    except _DAMAGE as reason:
        raise error(f'{path}: not readable as JSON ({_short(reason)}).') from reason


def _structure_fault(text: str) -> str:
    """Return in a clause what about the structure is not taken, '' if nothing."""
    counts, names, anchors = [0], [''], dict[str, int]()
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            if len(counts) > DEEPEST:
                return f'values are nested deeper than {DEEPEST} levels'
            counts.append(1)
            names.append(event.anchor or '')
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            count = counts.pop()
            anchors[names.pop()] = count
            counts[-1] += count
        elif isinstance(event, yaml.ScalarEvent):
            anchors[event.anchor or ''] = 1
            counts[-1] += 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                return f'the alias *{event.anchor} names what holds it'
            counts[-1] += anchors[event.anchor]
        if counts[-1] > MOST_NODES:
            return f'it holds more than {MOST_NODES} values, aliases written out'
    return ''


def _short(reason: BaseException) -> str:
    return f'{type(reason).__name__}: {" ".join(str(reason).split())[:300]}'
