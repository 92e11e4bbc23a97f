"""No frame of a running node waits for the compiler, whatever its messages hold."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_ros.core.types import CloudData

pytest.importorskip('rclpy')

from mmseg_ros.ros.made_up import made_up_frame


def test_the_made_up_frame_has_every_sensor_of_the_network():
    frame_set, rig = made_up_frame(('rgb', 'rear'), {'rear': 'lidar'})
    assert list(frame_set.samples) == ['rgb', 'depth', 'event', 'lidar', 'rear']
    assert isinstance(frame_set.samples['rear'].payload, CloudData)
    assert (rig.T_base('rear') == rig.T_base('lidar')).all()


@pytest.mark.slow
def test_no_loop_is_compiled_after_configuring():
    program = Path(__file__).with_name('every_input.py')
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found['late'] == {}
    assert found['loops'] > 50
    assert found['messages'] > 500
    assert found['rejected'] == []
