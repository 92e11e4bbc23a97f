"""Stamps of files in folders: a list beside them, their names, or a rate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from mmseg_ros.core.errors import DatasetError

STAMP_FILES = ('stamps.txt', 'timestamps.txt', 'times.txt', 'stamps.csv')
_NS_PER_S = 1_000_000_000
_UNITS_NS = ((10**17, 1), (10**14, 1_000), (10**11, 1_000_000))
"""Whole numbers from the first one on are in nanoseconds, micro-, milliseconds: else seconds."""
_LEAST_NAME = 10**14
"""Names of digits from here on are stamps; below they are counted."""


def stamps_of(files: Sequence[Path], folders: Sequence[Path], rate_hz: float) -> dict[Path, int]:
    """Return the stamp in nanoseconds of every file.

    Args:
        files: In the order of the recording.
        folders: Where a list may lie, nearest first; its lines hold a stamp, or a name and a
            stamp, in seconds, micro- or nanoseconds or as date and time (UTC).
        rate_hz: Of files without a list whose names are no stamps; begins at 1 s.

    Raises:
        DatasetError: A list does not fit the files or cannot be read.
    """
    known = known_stamps(files, folders)
    if known is not None:
        return known
    return {file: _NS_PER_S + round(i * _NS_PER_S / rate_hz) for i, file in enumerate(files)}


def known_stamps(files: Sequence[Path], folders: Sequence[Path]) -> dict[Path, int] | None:
    """Return the stamps that a list or the names of the files tell; None if neither does.

    Args: as of `stamps_of`.

    Raises:
        DatasetError: A list does not fit the files or cannot be read.
    """
    listed = next(
        (f / name for f in folders for name in STAMP_FILES if (f / name).is_file()), None
    )
    if listed is not None:
        return _of_list(listed, files)
    names = [file.name.split('.')[0] for file in files]
    if names and all(name.isdigit() and int(name) >= _LEAST_NAME for name in names):
        return {file: _of_word(name) for file, name in zip(files, names, strict=True)}
    return None


def _of_list(path: Path, files: Sequence[Path]) -> dict[Path, int]:
    lines = [line.strip() for line in path.read_text(encoding='utf-8').splitlines()]
    rows = [line.replace(',', ' ') for line in lines if line and not line.startswith('#')]
    try:
        named = dict(_named(row, files) for row in rows)
        if None not in named:
            missing = [file.name for file in files if file not in named]
            if missing:
                raise DatasetError(
                    f'{path} has no stamp of {missing[0]} ({len(missing)} missing).'
                )
            return {file: stamp for file, stamp in named.items() if file is not None}
        if len(rows) != len(files):
            raise DatasetError(f'{path} holds {len(rows)} stamps for {len(files)} files.')
        return {file: _of_word(row) for file, row in zip(files, rows, strict=True)}
    except ValueError as error:
        raise DatasetError(f'{path}: a stamp cannot be read ({error}).') from error


def _named(row: str, files: Sequence[Path]) -> tuple[Path | None, int]:
    """Return the file that a line names and its stamp; None for a line that is a stamp alone."""
    words = row.split()
    by_name = {key: file for file in files for key in (file.name, file.name.split('.')[0])}
    if len(words) == 2 and '-' not in words[0]:
        file = by_name.get(Path(words[0]).name, by_name.get(Path(words[1]).name))
        word = words[1] if Path(words[0]).name in by_name else words[0]
        return (file or Path(words[0])), _of_word(word)
    return None, _of_word(row)


def _of_word(word: str) -> int:
    """Return nanoseconds of a number or of a date with time.

    Raises:
        ValueError: It is neither.
    """
    word = word.strip()
    if word.isdigit():
        unit_ns = next((unit for least, unit in _UNITS_NS if int(word) >= least), _NS_PER_S)
        return int(word) * unit_ns
    if '-' in word[1:] and ':' in word:
        whole, _, fraction = word.partition('.')
        seconds = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp()
        return int(seconds) * _NS_PER_S + int((fraction + '0' * 9)[:9])
    whole, _, fraction = word.partition('.')
    if whole.isdigit() and (fraction.isdigit() or not fraction):
        return int(whole) * _NS_PER_S + int((fraction + '0' * 9)[:9])
    return round(float(word) * _NS_PER_S)
