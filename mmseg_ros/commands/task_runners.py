"""Runs pairs of source and bundle in several processes, or on a Ray cluster."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from mmseg_ros.commands.pair_task import (
    PairOutcome,
    PairTask,
    failed_row,
    ignore_interrupts,
    run_task,
)
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.evaluation.stopping import Stopped

MOST_ATTEMPTS = 3
"""How often a pair is tried whose process or machine dies."""
_POLL_S = 0.5
Numbered = tuple[int, PairOutcome]


def in_processes(tasks: Sequence[PairTask], workers: int, stopped: Stopped) -> Iterator[Numbered]:
    """Yield the number and outcome of each task as it is done.

    A process that dies costs the pair at hand alone, which is tried again in a new one.

    Args:
        tasks: What to do.
        workers: Number of processes.
        stopped: Asked now and then whether to begin no further task.
    """
    process = _OwnProcess()
    with ThreadPoolExecutor(workers, 'mmseg_pair') as threads, contextlib.closing(process):
        left = {threads.submit(process.run, task): i for i, task in enumerate(tasks)}
        while left:
            done, _ = wait(left, _POLL_S, FIRST_COMPLETED)
            for future in done:
                i = left.pop(future)
                yield i, future.result()
            if stopped():
                left = {future: i for future, i in left.items() if not future.cancel()}


class _OwnProcess:
    """Gives every thread that asks a process of its own."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._pools: list[ProcessPoolExecutor] = []

    def run(self, task: PairTask) -> PairOutcome:
        """Return the outcome of a task, run in this thread's process; never raises."""
        for _ in range(MOST_ATTEMPTS):
            try:
                return self._pool().submit(run_task, task).result()
            except BrokenProcessPool:
                self._local.pool = None
            except Exception as error:  # what a task raises costs its pair alone
                return _unexpected(task, error)
        return _lost(task, 'the process that scored it ended early')

    def close(self) -> None:
        """End the processes."""
        for pool in self._pools:
            pool.shutdown()

    def _pool(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._local, 'pool', None)
        if pool is None:
            # A fork would share locks of threads that it does not have.
            context = multiprocessing.get_context('spawn')
            pool = ProcessPoolExecutor(1, context, initializer=ignore_interrupts)
            self._local.pool = pool
            self._pools.append(pool)
        return pool


def on_ray(tasks: Sequence[PairTask], address: str, stopped: Stopped) -> Iterator[Numbered]:
    """Yield the number and outcome of each task as a Ray cluster has done it.

    Args:
        tasks: What to do; sources, bundles and exports must be reachable from every machine.
        address: Of the cluster; `local` starts one on this machine, `auto` finds a running one.
        stopped: Asked now and then whether to begin no further task.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster.
    """
    ray = _connected(address)
    try:
        threads = max(1, tasks[0].args.threads) if tasks else 1
        # A task may run again: files appear whole, and what comes back is the same.
        remote = ray.remote(num_cpus=threads, max_retries=MOST_ATTEMPTS - 1)(_elsewhere)
        left = {remote.remote(task): i for i, task in enumerate(tasks)}
        while left and not stopped():
            done, _ = ray.wait(list(left), num_returns=1, timeout=_POLL_S)
            for reference in done:
                i = left.pop(reference)
                yield i, _got(ray, reference, tasks[i])
        for reference in left:
            ray.cancel(reference, force=True)
    finally:
        ray.shutdown()


def _elsewhere(task: PairTask) -> PairOutcome:
    return run_task(task, is_elsewhere=True)


def _connected(address: str) -> Any:
    # Ray would report its use to its makers.
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    try:
        ray = importlib.import_module('ray')
    except ImportError as error:
        raise ConfigError('--ray needs Ray; install mmseg_ros[fleet].') from error
    options = {} if address == 'local' else {'address': address}
    if not options:
        options['include_dashboard'] = False  # type: ignore[assignment]
    try:
        ray.init(log_to_driver=False, logging_level='ERROR', **options)
    except Exception as error:  # Ray raises its own types and others
        raise ConfigError(
            f'No Ray cluster answers at {address!r} ({type(error).__name__}: {error}); start one '
            'with `ray start --head`, or give --ray local.'
        ) from error
    return ray


def _got(ray: Any, reference: Any, task: PairTask) -> PairOutcome:
    try:
        outcome: PairOutcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return _unexpected(task, error.cause or error)
    except ray.exceptions.RayError as error:
        first = next(iter(str(error).splitlines()), '')
        return _lost(task, f'its Ray worker was lost ({type(error).__name__}: {first})')
    return outcome


def _lost(task: PairTask, what: str) -> PairOutcome:
    fault = f'{what}, {MOST_ATTEMPTS} times; is the memory too small?'
    return PairOutcome(failed_row(task, fault), fault=fault)


def _unexpected(task: PairTask, error: BaseException) -> PairOutcome:
    first = next(iter(str(error).splitlines()), '')
    fault = f'stopped by an unexpected {type(error).__name__}: {first}'
    return PairOutcome(failed_row(task, fault), fault=fault)
