"""Processes side by side: one log, restarts after a growing pause, a common end."""

import os
import signal
import sys
import threading
import time

import pytest

from mmseg_ros.up import supervised, supervisor
from mmseg_ros.up.supervised import Program
from mmseg_ros.up.supervisor import OneLog, Supervisor

LASTING = 'import time; print("up", flush=True); time.sleep(600)'
HARD = (
    'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); '
    'print("up", flush=True); time.sleep(600)'
)


def program(name, source, lasts=True):
    return Program(name, [sys.executable, '-c', source], lasts)


class Run:
    """A supervisor in a thread."""

    def __init__(self, programs, stays=False):
        self.lines, self.stop, self.status = [], threading.Event(), None
        self.supervisor = Supervisor(programs, os.environ, OneLog(programs, self.lines.append))
        self.thread = threading.Thread(target=self._run, args=(stays,), daemon=True)
        self.thread.start()

    def _run(self, stays):
        self.status = self.supervisor.run(self.stop, stays)

    def wait(self, condition, limit_s=60.0):
        end_s = time.monotonic() + limit_s
        while not condition() and time.monotonic() < end_s:
            time.sleep(0.02)
        assert condition(), self.lines

    def end(self):
        self.stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


@pytest.fixture
def run():
    runs = []

    def start(*programs, **options):
        runs.append(Run(list(programs), **options))
        return runs[-1]

    yield start
    for item in runs:
        item.end()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(supervised, 'FIRST_PAUSE_S', 0.1)
    monkeypatch.setattr(supervised, 'LONGEST_PAUSE_S', 0.4)


def test_every_line_says_whose_it_is_and_all_end_together(run):
    started = run(program('node', LASTING), program('node rear', LASTING))
    started.wait(lambda: len(started.lines) == 2)
    assert sorted(started.lines) == ['[node     ] up', '[node rear] up']
    pids = [child.pid for child in started.supervisor.children]
    started.end()
    assert started.status == 0
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_crash_is_followed_by_a_restart_after_a_growing_pause(run):
    started = run(program('node', 'import os; os.abort()'), program('other', LASTING))
    child, other = started.supervisor.children
    started.wait(lambda: child.restarts >= 4)
    told = [line for line in started.lines if 'starts again' in line]
    pauses = [line.rsplit(' in ', 1)[1] for line in told[:4]]
    assert pauses == ['0.1 s.', '0.2 s.', '0.4 s.', '0.4 s.']
    assert 'ended by SIGABRT' in told[0]
    assert other.restarts == 0


def test_one_that_is_killed_from_outside_is_started_again(run):
    started = run(program('node', LASTING))
    (child,) = started.supervisor.children
    started.wait(lambda: started.lines)
    os.kill(child.pid, signal.SIGKILL)
    started.wait(lambda: sum(line.endswith('] up') for line in started.lines) == 2)
    assert child.restarts == 1


def test_the_first_pause_comes_back_after_a_long_run(run, monkeypatch):
    monkeypatch.setattr(supervised, 'STEADY_S', 0.0)
    started = run(program('node', 'import os; os.abort()'))
    started.wait(lambda: started.supervisor.children[0].restarts >= 3)
    pauses = {line.rsplit(' in ', 1)[1] for line in started.lines if 'again' in line}
    assert pauses == {'0.1 s.'}


def test_one_that_says_it_cannot_start_ends_all_with_its_status(run):
    started = run(program('node', 'print("no such bundle"); raise SystemExit(2)'),
                  program('other', LASTING))  # fmt: skip
    started.wait(lambda: started.status is not None)
    assert started.status == 2
    assert any('no such bundle' in line for line in started.lines)
    assert any('not started again' in line for line in started.lines)


@pytest.mark.parametrize('stays', [False, True])
def test_the_end_of_the_bag_ends_all_unless_they_stay(run, stays):
    player = program('player', 'print("played")', lasts=False)
    started = run(program('node', LASTING), player, stays=stays)
    if stays:
        started.wait(lambda: any('played' in line for line in started.lines))
        time.sleep(0.5)
        assert started.status is None
    else:
        started.wait(lambda: started.status == 0)


def test_one_that_does_not_listen_is_killed(run, monkeypatch):
    monkeypatch.setattr(supervisor, 'GRACE_S', 0.3)
    started = run(program('node', HARD))
    started.wait(lambda: started.lines)
    pid = started.supervisor.children[0].pid
    started.end()
    assert any('is killed' in line for line in started.lines)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
