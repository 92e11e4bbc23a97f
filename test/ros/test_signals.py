"""A stop signal ends a process at any moment, whatever its threads are busy with."""

import signal
import subprocess
import sys

import pytest

HELD = """
import signal, sys, time
from mmseg_ros.ros.signals import StopSignals, hold_stop_signals
hold_stop_signals()
signals = StopSignals()
"""
FOREVER = 'print("ready", flush=True)\ntime.sleep(600)\n'
NODE = """
import threading, time, sys
from mmseg_ros.ros.signals import StopSignals, hold_stop_signals
hold_stop_signals()
signals = StopSignals()
from mmseg_ros.ros import node, run_node
def busy(*_):
    print('ready', flush=True)
    time.sleep(600)
"""
SPIN = (
    'run_node.run_node([sys.argv[0], "--ros-args", "-p", "autostart:=true"], signals, '
    'node.SegmentationNode)\n'
)


def stop(program, number):
    """Run a program until it is ready, stop it; return its exit status and the rest it wrote."""
    child = subprocess.Popen(
        [sys.executable, '-c', program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        before = []
        for line in child.stdout:
            before.append(line)
            if line == 'ready\n':
                break
        else:
            pytest.fail(''.join(before))
        child.send_signal(number)
        rest, _ = child.communicate(timeout=60)
    finally:
        child.kill()
    return child.returncode, rest


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_before_there_is_something_to_tidy_up_the_process_ends_at_once(number):
    assert stop(HELD + FOREVER, number) == (0, '')


def test_what_tidies_up_has_its_time_and_no_more():
    told = 'signals.on_stop(lambda: print("tidy", flush=True), 0.1)\n'
    assert stop(HELD + told + FOREVER, signal.SIGINT) == (0, 'tidy\n')


@pytest.mark.ros
@pytest.mark.parametrize(
    'busy',
    [
        'node.load = busy\n',  # in its own thread
        'node.plan = busy\n',  # in whatever thread checks
        'node.load = lambda *_: 1 / 0\nnode.SegmentationNode.release = busy\n',  # in the executor
    ],
)
def test_no_work_of_the_node_holds_up_its_end(busy):
    code, rest = stop(NODE + busy + SPIN, signal.SIGINT)
    assert code == 0
    assert 'Traceback' not in rest
