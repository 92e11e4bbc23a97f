"""The three processes, replaced by small scripts: order of events and failures."""

import sys
from pathlib import Path

import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.demo import live
from mmseg_ros.demo.processes import ProcessError


@pytest.fixture
def scripts(monkeypatch):
    """Each process notes in its log that it ran; the recorder leaves a file when stopped."""
    texts = {
        'node': 'import time; print("up", flush=True); time.sleep(60)',
        'recorder': (
            'import pathlib, signal, sys\n'
            'print("recording", flush=True)\n'
            'signal.signal(signal.SIGINT, lambda *a: sys.exit())\n'
            'signal.pause()\n'
        ),
        'watch': 'import time; print("1.0 s  all sensors deliver\\nhalf", end="", flush=True); '
        'time.sleep(60)',
        'player': 'import time; time.sleep(1.5); print("played")',
    }

    def command(name):
        return lambda *args: [sys.executable, '-c', texts[name]]

    monkeypatch.setattr(live, '_TAIL_S', 0.1)
    for name in texts:
        monkeypatch.setattr(live, f'_{name}_command', command(name))
    return texts


def run(output, told=lambda done, total: None):
    return live.run_live(Path('drive'), 1.0, [], output, 'bundle', Path('rig.yaml'), told)


def test_runs_until_the_player_ends(scripts, tmp_path):
    told = []
    result = run(tmp_path, lambda done, total: told.append((done, total)))
    assert result.recording == tmp_path / 'recording'
    assert result.node_usage.peak_mb > 1
    assert told
    assert told[-1][1] == 1.0
    assert (tmp_path / 'logs/player.log').read_text() == 'played\n'


@pytest.mark.parametrize('name', ['node', 'recorder', 'player'])
def test_whoever_fails_is_named(scripts, tmp_path, name):
    scripts[name] = 'import sys; print("out of luck"); sys.exit(4)'
    if name != 'player':
        scripts['player'] = 'import time; time.sleep(60)'
    with pytest.raises(ProcessError, match=rf'(?s){name} ended with status 4.*out of luck'):
        run(tmp_path)


def test_a_player_that_never_ends_is_stopped(scripts, tmp_path, monkeypatch):
    monkeypatch.setattr(live, '_WAIT_FOR_NODE_S', 0.1)
    monkeypatch.setattr(live, '_SLACK_S', -0.9)
    scripts['player'] = 'import time; print("still waiting", flush=True); time.sleep(60)'
    with pytest.raises(ProcessError, match=r'player did not end'):
        run(tmp_path)


def test_without_ros_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(live.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ConfigError, match='ros-pip'):
        live.require_ros()


def test_commands_name_the_files_and_the_drops(tmp_path, plan):
    node = live._node_command('bundle', tmp_path / 'rig.yaml')
    assert 'use_sim_time:=true' in node
    assert f'calibration.file:={tmp_path / "rig.yaml"}' in node
    player = live._player_command(tmp_path, plan, 3.0, 0.25)
    assert player[player.index('--drop') + 1] == 'rgb@1.00-2.00'
    assert player[player.index('--rate') + 1] == '0.25'
    assert player[player.index('--duration') + 1] == '3'
    environment = live._environment(tmp_path)
    assert 1 <= int(environment['ROS_DOMAIN_ID']) <= 100
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_whole_lines_of_the_watch_are_passed_on(scripts, tmp_path):
    said = []
    live.run_live(
        Path('drive'), 1.0, [], tmp_path, 'bundle', Path('rig.yaml'), lambda *_: None, 1.0,
        said.append,
    )  # fmt: skip
    assert said == ['1.0 s  all sensors deliver']
