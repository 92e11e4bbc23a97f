"""Jobs run once and in order, and none is running when the interpreter goes."""

import subprocess
import sys
import threading

from mmseg_ros.inference.background import BackgroundJobs

LEFT_RUNNING = """
import atexit, threading, time
ended = threading.Event()
atexit.register(lambda: print('ended' if ended.is_set() else 'running'))
from mmseg_ros.inference.background import BackgroundJobs
def work(job):
    time.sleep(0.3)
    ended.set()
BackgroundJobs('jobs', work).request('long')
jobs = BackgroundJobs('more', work)
jobs.request('long')
time.sleep(0.05)
"""


def test_each_job_once_and_in_order():
    done = []
    jobs = BackgroundJobs('jobs', done.append)
    for name in ('a', 'b', 'a'):
        jobs.request(name)
    assert jobs.wait(10.0)
    assert done == ['a', 'b']
    assert jobs.stop(10.0)


def test_stop_drops_what_waits():
    begun, held, done = threading.Event(), threading.Event(), []

    def work(job):
        begun.set()
        held.wait(10.0)
        done.append(job)

    jobs = BackgroundJobs('jobs', work)
    jobs.request('a')
    jobs.request('b')
    assert begun.wait(10.0)
    assert not jobs.stop(0.05)
    held.set()
    assert jobs.stop(10.0)
    assert done == ['a']


def test_the_job_at_hand_ends_before_the_interpreter_does():
    found = subprocess.run(
        [sys.executable, '-c', LEFT_RUNNING], capture_output=True, text=True, timeout=60
    )
    assert (found.returncode, found.stdout.strip()) == (0, 'ended')
