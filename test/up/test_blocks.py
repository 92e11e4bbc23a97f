"""Programs of a block: none outlives it, and an end that was not asked for is an error."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmseg_ros.up.supervised import Program
from mmseg_ros.up.supervisor import ProcessError, Supervisor

SLEEPING = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'
FAMILY = (
    'import subprocess, sys, time\n'
    'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])\n'
    'print(child.pid, flush=True)\n'
    'time.sleep(60)\n'
)
PARENT = (
    'import os, sys, time\n'
    'from mmseg_ros.core.child_process import exit_on_sigterm\n'
    'from mmseg_ros.up.supervised import Program\n'
    'from mmseg_ros.up.supervisor import Supervisor\n'
    'programs = [Program("child", [sys.executable, "-c", {source!r}])]\n'
    'with exit_on_sigterm(), Supervisor(programs, os.environ, lambda _, t: print(t)):\n'
    '    time.sleep(60)\n'
)


def program(name, source, **options):
    return Program(name, [sys.executable, '-c', source], restarts=False, **options)


def is_running(pid):
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except OSError:
        return False
    return state != 'Z'


def wait_until(condition, limit_s=30.0):
    end_s = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def lines():
    return []


@pytest.fixture
def started(lines):
    """Return a function that makes the block of some programs."""
    return lambda *programs: Supervisor(
        programs, os.environ, lambda name, text: lines.append(text)
    )


@pytest.mark.parametrize('error', [None, KeyboardInterrupt, RuntimeError])
def test_grandchildren_end_too_however_the_block_is_left(started, lines, error):
    try:
        with started(program('family', FAMILY)):
            assert wait_until(lambda: lines)
            grandchild = int(lines[0])
            assert is_running(grandchild)
            if error:
                raise error
    except (KeyboardInterrupt, RuntimeError):
        assert error
    assert wait_until(lambda: not is_running(grandchild))


def test_a_program_that_is_not_there_leaves_no_other_running(started, lines):
    with (
        pytest.raises(FileNotFoundError),
        started(program('first', SLEEPING), Program('none', ['/no/such/program'])) as running,
    ):
        pytest.fail(f'{running} began')


def test_a_failing_program_is_named_with_its_last_lines(started):
    broken = program('broken', 'print("no such bundle"); raise SystemExit(3)')
    told = r'(?s)broken ended with status 3.*no such bundle'
    both = started(program('waiter', SLEEPING), broken)
    with both as running, pytest.raises(ProcessError, match=told):
        wait_until(running.check)
    assert both['waiter'].code is not None


def test_one_that_was_meant_to_last_fails_also_with_status_0(started):
    told = r'(?s)node ended with status 0.*bye'
    with (
        started(program('node', 'print("bye")')) as running,
        pytest.raises(ProcessError, match=told),
    ):
        wait_until(running.check)


def test_one_that_was_killed_is_named_with_its_signal(started, lines):
    with started(program('node', SLEEPING)) as running:
        assert wait_until(lambda: lines)
        os.kill(running['node'].pid, signal.SIGKILL)
        with pytest.raises(ProcessError, match='node ended by SIGKILL'):
            wait_until(running.check)


def test_one_is_stopped_before_the_others(started, lines):
    recorder = program(
        'recorder',
        'import signal, sys\n'
        'signal.signal(signal.SIGINT, lambda *_: sys.exit(print("written", flush=True)))\n'
        'print("recording", flush=True)\n'
        'signal.pause()\n',
    )
    with started(program('node', SLEEPING), recorder) as running:
        assert wait_until(lambda: 'recording' in lines)
        running.stop('recorder', 30.0)
        assert running['recorder'].code == 0
        assert 'written' in lines
        assert running.check() == []
        assert is_running(running['node'].pid)


def test_one_that_does_not_stop_in_time_is_an_error(started, lines):
    hard = 'import signal; signal.signal(2, signal.SIG_IGN); print(1, flush=True); signal.pause()'
    with started(program('recorder', hard)) as running:
        assert wait_until(lambda: lines)
        with pytest.raises(ProcessError, match='recorder ended by SIGKILL'):
            running.stop('recorder', 0.2)


def test_usage_is_measured(started, lines):
    source = (
        'import time\n'
        'x = bytearray(b"x") * 30_000_000\n'
        'for i in range(3_000_000): pass\n'
        'print(1, flush=True)\n'
        'time.sleep(60)\n'
    )
    with started(program('busy', source)) as running:
        assert wait_until(lambda: lines)
        usage = running['busy'].usage()
        assert usage.peak_mb > 35
        assert usage.cpu_s > 0.01
    assert running['busy'].usage().peak_mb == 0


@pytest.mark.parametrize(
    ('number', 'source', 'status'),
    [
        (signal.SIGKILL, SLEEPING, -signal.SIGKILL),
        (signal.SIGTERM, FAMILY, 128 + signal.SIGTERM),
    ],
)
def test_a_parent_that_is_ended_takes_its_programs_with_it(number, source, status):
    script = [sys.executable, '-u', '-c', PARENT.format(source=source)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as parent:
        running = int(parent.stdout.readline())
        parent.send_signal(number)
        assert parent.wait(30) == status
    assert wait_until(lambda: not is_running(running))
