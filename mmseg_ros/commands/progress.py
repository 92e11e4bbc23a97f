"""Progress of a long command on stderr: a bar on a terminal, one line per part elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Told = Callable[[float, float], None]
"""Called with what is done and its total."""


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
        title = f'[{self._number}/{self._count}] {text}'
        began_s = time.monotonic()
        with progress_bar(title) as told:
            yield told
        sys.stderr.write(f'{title}: {time.monotonic() - began_s:.1f} s\n')


@contextmanager
def progress_bar(text: str) -> Iterator[Told]:
    """Give a function (done, total) that moves a bar; without a terminal it shows nothing."""
    bar = _new_bar()
    if bar is None:
        yield lambda done, total: None
        return
    with bar:
        from rich.markup import escape

        task = bar.add_task(escape(text), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


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
