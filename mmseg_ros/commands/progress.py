"""Progress of a long command on stderr: a bar on a terminal, one line per part elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Told = Callable[[float, float], None]
"""Called with what is done and its total."""
_LINE_EVERY_S = 10.0


class Phases:
    """Announces the parts of a command, one after another, with the time each took."""

    def __init__(self, count: int) -> None:
        """Start with no part.

        Args:
            count: Number of parts.
        """
        self._count = count
        self._number = 0

    @contextmanager
    def phase(self, text: str) -> Iterator[Told]:
        """Show a part while the block runs; give a function that moves its bar."""
        self._number += 1
        title = f'[{min(self._number, self._count)}/{self._count}] {text}'
        began_s = time.monotonic()
        with progress_bar(title) as told:
            yield told
        sys.stderr.write(f'{title}: {time.monotonic() - began_s:.1f} s\n')

    def say(self, text: str) -> None:
        """Write a line above the bar of the part that runs."""
        sys.stderr.write(f'  {text}\n')


@contextmanager
def progress_bar(text: str) -> Iterator[Told]:
    """Give a function (done, total) that moves a bar with the time left.

    Without a terminal it writes a line every 10 s.
    """
    bar = _new_bar()
    if bar is None:
        yield _Lines(text)
        return
    with bar:
        from rich.markup import escape

        task = bar.add_task(escape(text), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Lines of progress for a log: what is done, its total, and about how long it still takes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._began_s = time.monotonic()
        self._next_s = self._began_s + _LINE_EVERY_S

    def __call__(self, done: float, total: float) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s or done <= 0:
            return
        self._next_s = now_s + _LINE_EVERY_S
        left_s = (now_s - self._began_s) * max(total - done, 0) / done
        sys.stderr.write(f'{self._text}: {done:.0f} of {total:.0f}, about {clock(left_s)} left\n')


def clock(seconds: float) -> str:
    """Return a duration as text.

    >>> clock(42.3), clock(150), clock(7260)
    ('42 s', '2 min 30 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f'{whole} s'
    if whole < 3600:
        return f'{whole // 60} min {whole % 60:02d} s'
    return f'{whole // 3600} h {whole % 3600 // 60:02d} min'


def _new_bar() -> Any:
    """Return a bar of rich, None where it is not installed or stderr is no terminal."""
    if not sys.stderr.isatty():
        return None
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        return None
    return Progress(console=Console(stderr=True), transient=True)
