"""The whole demo with real processes over DDS, and the same stopped halfway."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('embreex')

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(900)]

DURATION_S = 5


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('demo')


def start(folder, name, cache):
    command = [sys.executable, '-m', 'mmseg_ros', 'demo', '--duration', str(DURATION_S)]
    command += ['--cache', str(cache), '--output', str(folder / name)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def processes_that_name(*texts):
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            command = path.read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        if any(text in command for text in texts):
            found.append(command)
    return found


def test_from_simulated_sensors_to_a_report(folder, demo_cache):
    demo = start(folder, 'whole', demo_cache)
    out, err = demo.communicate(timeout=800)
    assert demo.returncode == 0, err
    first, second, path = out.strip().splitlines()
    assert 'label images' in first
    assert 'mIoU' in second
    page = Path(path).read_text(encoding='utf-8')
    for situation in ('all sensors', 'no rgb', 'no depth', 'no event', 'no lidar'):
        assert situation in page
    assert (folder / 'whole/demo.png').stat().st_size < 600_000
    assert processes_that_name(str(folder), str(demo_cache)) == []


def test_interrupted_it_leaves_no_process(folder, demo_cache):
    demo = start(folder, 'interrupted', demo_cache)
    log = folder / 'interrupted/logs/demo.log'
    end_s = time.monotonic() + 600
    while not (log.exists() and log.stat().st_size) and time.monotonic() < end_s:
        time.sleep(0.05)
    time.sleep(1.0)
    assert len(processes_that_name(str(folder), str(demo_cache))) >= 4
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert processes_that_name(str(folder), str(demo_cache)) == []
