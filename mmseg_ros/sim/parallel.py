"""Frames of one sequence from several processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor

from mmseg_ros.sim.sequence import Drive, DriveConfig, DriveFrame

PIECE = 5
"""Frames that one process makes in a row."""


def drive_frames(drive: Drive, jobs: int = 1) -> Iterator[DriveFrame]:
    """Yield the frames of a sequence, made in short pieces that do not depend on each other.

    Args:
        drive: What to simulate.
        jobs: Processes; their number changes nothing in the frames.
    """
    starts = range(0, drive.config.frames, PIECE)
    if jobs <= 1:
        for first in starts:
            yield from drive.frames(first, first + PIECE)
        return
    context = multiprocessing.get_context('spawn')
    pool = ProcessPoolExecutor(jobs, context, _start_worker, (drive.seed, drive.config))
    try:
        # Only a few pieces ahead: a frame has megabytes, and waiting ones are kept in memory.
        waiting: deque[Future[list[DriveFrame]]] = deque()
        for first in starts:
            waiting.append(pool.submit(_piece, first))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def leave_interrupts_to_parent() -> None:
    """Let Ctrl-C end only the process that started this one, which then ends its pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_worker: dict[str, Drive] = {}
"""The sequence of a worker process: building its scene takes a second."""


def _start_worker(seed: int, config: DriveConfig) -> None:
    leave_interrupts_to_parent()
    _worker['drive'] = Drive(seed, config)


def _piece(first: int) -> list[DriveFrame]:
    return list(_worker['drive'].frames(first, first + PIECE))
