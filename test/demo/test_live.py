"""The processes of the demo, replaced by small scripts: order of events and failures."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.demo import live
from mmseg_ros.up.command_lines import UpOptions
from mmseg_ros.up.supervisor import ProcessError


@pytest.fixture
def scripts(monkeypatch):
    """What each program runs instead; the same kinds of programs as the demo's own."""
    texts = {
        'node': 'import time; print("up", flush=True); time.sleep(60)',
        'recorder': (
            'import pathlib, signal, sys\n'
            'print("recording", flush=True)\n'
            'signal.signal(signal.SIGINT, lambda *a: sys.exit())\n'
            'signal.pause()\n'
        ),
        'watch': 'import time; print("1.0 s  all sensors deliver"); '
        'print("2.0 s  rgb is out", flush=True); '
        'time.sleep(60)',
        'player': 'import time; time.sleep(1.5); print("played")',
    }

    made = live.demo_programs

    def stand_ins(options, recording):
        return [
            replace(program, command=[sys.executable, '-c', texts[program.name]])
            for program in made(options, recording)
        ]

    monkeypatch.setattr(live, '_TAIL_S', 0.1)
    monkeypatch.setattr(live, 'demo_programs', stand_ins)
    return texts


def run(output, told=lambda done, total: None, say=lambda line: None):
    drive = output / 'drive'
    drive.mkdir(exist_ok=True)
    return live.run_live(drive, 1.0, [], output, 'bundle', Path('rig.yaml'), told, 1.0, say)


def test_runs_until_the_player_ends(scripts, tmp_path):
    told = []
    result = run(tmp_path, lambda done, total: told.append((done, total)))
    assert result.recording == tmp_path / 'recording'
    assert result.node_usage.peak_mb > 1
    assert told
    assert told[-1][1] == 1.0
    lines = live.log_file(tmp_path).read_text().splitlines()
    assert {'[node    ] up', '[recorder] recording', '[player  ] played'} <= set(lines)


@pytest.mark.parametrize('name', ['node', 'recorder', 'player'])
def test_whoever_fails_is_named(scripts, tmp_path, name):
    scripts[name] = 'import sys; print("out of luck"); sys.exit(4)'
    if name != 'player':
        scripts['player'] = 'import time; time.sleep(60)'
    with pytest.raises(ProcessError, match=rf'(?s){name} ended with status 4.*out of luck'):
        run(tmp_path)


def test_a_player_that_never_ends_is_stopped(scripts, tmp_path, monkeypatch):
    monkeypatch.setattr(live, 'WAIT_FOR_NODES_S', 0.1)
    monkeypatch.setattr(live, '_SLACK_S', -0.9)
    scripts['player'] = 'import time; print("still waiting", flush=True); time.sleep(60)'
    with pytest.raises(ProcessError, match=r'player did not end'):
        run(tmp_path)


def test_without_ros_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(live.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ConfigError, match='ros-pip'):
        live.require_ros()


def test_it_runs_what_up_runs_and_starts_nothing_again(tmp_path, plan):
    drops = [outage.argument() for outage in plan]
    arguments = {'model': 'bundle', 'calibration': 'rig.yaml'}
    options = UpOptions(arguments, bag=tmp_path, rate=0.25, duration_s=3.0, drops=drops)
    found = {program.name: program for program in live.demo_programs(options, tmp_path / 'out')}
    assert list(found) == ['node', 'recorder', 'watch', 'player']
    assert not any(program.restarts for program in found.values())
    assert 'use_sim_time:=true' in found['node'].command
    assert 'calibration.file:="rig.yaml"' in found['node'].command
    player = list(found['player'].command)
    assert player[player.index('--drop') + 1] == 'rgb@1.00-2.00'
    assert player[player.index('--rate') + 1] == '0.25'
    assert player[player.index('--duration') + 1] == '3'
    environment = live._environment(tmp_path)
    assert 1 <= int(environment['ROS_DOMAIN_ID']) <= 100
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_lines_of_the_watch_are_passed_on(scripts, tmp_path):
    said = []
    run(tmp_path, say=said.append)
    assert said == ['1.0 s  all sensors deliver', '2.0 s  rgb is out']
