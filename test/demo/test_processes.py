"""Children never outlive the block that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmseg_ros.demo.processes import ProcessError, Processes

ENVIRONMENT = dict(os.environ)


def python(text):
    return [sys.executable, '-c', text]


def is_running(pid):
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except OSError:
        return False
    return state != 'Z'


def wait_until(condition, limit_s=10.0):
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def first_number(log):
    assert wait_until(lambda: log.exists() and log.read_text().strip().isdigit())
    return int(log.read_text())


FAMILY = (
    'import subprocess, sys, time\n'
    'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])\n'
    'print(child.pid, flush=True)\n'
    'time.sleep(60)\n'
)
STUBBORN = (
    'import os, signal, time\n'
    'signal.signal(signal.SIGINT, signal.SIG_IGN)\n'
    'print(os.getpid(), flush=True)\n'
    'time.sleep(60)\n'
)


@pytest.mark.parametrize('error', [None, KeyboardInterrupt, RuntimeError])
def test_grandchildren_end_too_however_the_block_is_left(tmp_path, error):
    grandchild = None
    try:
        with Processes(ENVIRONMENT, tmp_path) as processes:
            processes.start('family', python(FAMILY))
            grandchild = first_number(tmp_path / 'family.log')
            assert is_running(grandchild)
            if error:
                raise error
    except (KeyboardInterrupt, RuntimeError):
        assert error
    assert wait_until(lambda: not is_running(grandchild))


def test_a_child_that_ignores_sigint_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr('mmseg_ros.demo.processes._GRACE_S', 0.2)
    with Processes(ENVIRONMENT, tmp_path) as processes:
        child = processes.start('stubborn', python(STUBBORN))
        first_number(tmp_path / 'stubborn.log')
    assert child.return_code == -signal.SIGKILL


def test_a_failing_child_is_named_with_the_end_of_its_log(tmp_path):
    with Processes(ENVIRONMENT, tmp_path) as processes:
        waiting = processes.start('waiter', python('import time; time.sleep(60)'))
        processes.start('broken', python('print("no such bundle"); raise SystemExit(3)'))
        with pytest.raises(ProcessError, match=r'(?s)broken ended with status 3.*no such bundle'):
            processes.wait_for(waiting, 20.0)
    assert waiting.return_code is not None


def test_waiting_has_an_end(tmp_path):
    with Processes(ENVIRONMENT, tmp_path) as processes:
        child = processes.start('slow', python('import time; time.sleep(60)'))
        with pytest.raises(ProcessError, match='did not end within 0 s'):
            processes.wait_for(child, 0.1)
        good = processes.start('good', python('pass'))
        processes.wait_for(good, 20.0)


def test_usage_is_measured(tmp_path):
    with Processes(ENVIRONMENT, tmp_path) as processes:
        text = (
            'import time\n'
            'x = bytearray(b"x") * 30_000_000\n'
            'for i in range(3_000_000): pass\n'
            'print(1, flush=True)\n'
            'time.sleep(60)\n'
        )
        child = processes.start('busy', python(text))
        first_number(tmp_path / 'busy.log')
        usage = child.usage()
        assert usage.peak_mb > 35
        assert usage.cpu_s > 0.01
    assert child.usage().peak_mb == 0


def test_a_killed_parent_takes_its_child_with_it(tmp_path):
    script = (
        'import os, sys, time\n'
        'from pathlib import Path\n'
        'from mmseg_ros.demo.processes import Processes\n'
        f'logs = Path({str(tmp_path)!r})\n'
        'with Processes(dict(os.environ), logs) as processes:\n'
        '    text = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"\n'
        '    processes.start("child", [sys.executable, "-c", text])\n'
        '    time.sleep(60)\n'
    )
    parent = subprocess.Popen(python(script))
    child = first_number(tmp_path / 'child.log')
    parent.kill()
    parent.wait(15)
    assert wait_until(lambda: not is_running(child))


def test_sigterm_to_the_parent_ends_the_children(tmp_path):
    script = (
        'import sys, time\n'
        'from pathlib import Path\n'
        'from mmseg_ros.demo.processes import Processes, exit_on_sigterm\n'
        'import os\n'
        f'logs = Path({str(tmp_path)!r})\n'
        'with exit_on_sigterm(), Processes(dict(os.environ), logs) as processes:\n'
        f'    processes.start("family", [sys.executable, "-c", {FAMILY!r}])\n'
        '    time.sleep(60)\n'
    )
    parent = subprocess.Popen(python(script))
    grandchild = first_number(tmp_path / 'family.log')
    parent.terminate()
    assert parent.wait(15) == 128 + signal.SIGTERM
    assert wait_until(lambda: not is_running(grandchild))
