"""The node, the player, the recorder and a stranger as processes of their own, over DDS."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
NODE = [sys.executable, '-m', 'mmseg_ros.ros.segmentation_node', '--ros-args']
CLIENT = [sys.executable, str(Path(__file__).with_name('independent_client.py'))]
RIG = ['-p', 'calibration.file:=demo_rig']
START_S = 60.0


class Process:
    """A child whose output can be waited for."""

    def __init__(self, command, output: Path):
        self.path = output
        with output.open('w') as stream:
            self.child = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self.path.read_text()

    def wait_for(self, pattern, timeout_s=START_S):
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s and self.child.poll() is None:
            if re.search(pattern, self.text):
                return True
            time.sleep(0.05)
        return bool(re.search(pattern, self.text))

    def stop(self, number=signal.SIGINT, timeout_s=20.0):
        """Send a signal and return the exit status."""
        self.child.send_signal(number)
        return self.child.wait(timeout_s)


@pytest.fixture
def start(tmp_path):
    started = []

    def make(command, name):
        started.append(Process(command, tmp_path / f'{name}.log'))
        return started[-1]

    yield make
    for process in started:
        if process.child.poll() is None:
            process.child.kill()
            process.child.wait()


@pytest.fixture
def start_node(start, make_bundle):
    bundle = str(make_bundle().path)

    def make(*arguments):
        parameters = ['--params-file', str(ROOT / 'config' / 'mmseg.yaml')]
        node = start(
            [*NODE, *parameters, '-p', f'model.bundle:={bundle}', *RIG, *arguments], 'node'
        )
        assert node.wait_for('Bundle tiny'), node.text
        return node

    return make


@pytest.mark.parametrize(
    ('variant', 'points', 'signals'),
    [
        ('all', True, [signal.SIGINT]),
        ('camera', False, [signal.SIGTERM]),
        ('lidar', True, [signal.SIGINT, signal.SIGINT]),
    ],
)
def test_a_stranger_that_knows_the_topics_gets_labels_and_the_node_ends_cleanly(
    start, start_node, variant, points, signals
):
    node = start_node('-p', 'sync.dedline_s:=0.2')
    assert "Did you mean 'sync.deadline_s'" in node.text
    assert 'Executor: BatchExecutor.' in node.text
    client = start([*CLIENT, variant, '40'], 'client')
    assert client.child.wait(60) == 0, client.text + node.text
    lines = [line.split() for line in client.text.splitlines()]
    labels = [line for line in lines if line[0] == '/mmseg/labels']
    assert all(line[-1] == '640' for line in labels)
    assert points == any(line[0] == '/mmseg/points' for line in lines)
    confidence = {line[1] for line in lines if line[0] == '/mmseg/confidence'}
    assert confidence & {line[1] for line in labels}
    for number in signals[:-1]:
        node.child.send_signal(number)
        time.sleep(0.05)
    assert node.stop(signals[-1]) == 0
    assert 'Traceback' not in node.text


def test_wrong_parameter_ends_the_node_with_a_sentence(start):
    node = start([*NODE, '-p', 'sync.deadline_s:=soon'], 'node')
    assert node.child.wait(START_S) == 1
    assert "sync.deadline_s must be of type float, but is 'soon'" in node.text
    assert 'Traceback' not in node.text


def test_damaged_bundle_keeps_the_node_unconfigured(start, make_bundle):
    bundle = make_bundle(name='damaged')
    (bundle.path / 'model.onnx').write_bytes(b'no network')
    arguments = ['-p', f'model.bundle:={bundle.path}', '-p', 'autostart:=true']
    node = start([*NODE, *arguments], 'node')
    assert node.wait_for('configure rejected: .*model.onnx has 10 bytes'), node.text
    assert node.child.poll() is None
    assert node.stop() == 0


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('moment', ['imports', 'configure', 'activate'])
def test_two_signals_at_any_moment_end_the_node_in_order(start, make_bundle, moment, number):
    arguments = ['-p', f'model.bundle:={make_bundle().path}', '-p', 'autostart:=true']
    node = start([*NODE, *arguments], 'node')
    if moment == 'imports':
        blocked = f'SigBlk:\t.*{1 << (signal.SIGINT - 1) | 1 << (signal.SIGTERM - 1):x}\n'
        status = Path(f'/proc/{node.child.pid}/status')
        end_s = time.monotonic() + START_S
        while not re.search(blocked, status.read_text()) and time.monotonic() < end_s:
            time.sleep(0.001)
    else:
        assert node.wait_for('Configuring' if moment == 'configure' else 'Bundle tiny'), node.text
    node.child.send_signal(number)
    time.sleep(0.05)
    assert node.stop(number, 60.0) == 0, node.text
    assert 'Traceback' not in node.text
    assert 'invalid' not in node.text
