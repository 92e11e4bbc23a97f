"""The node, the recorder and the bag player as three processes that talk over DDS."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.resources import config_file
from mmseg_ros.demo.processes import Child, Processes, Usage
from mmseg_ros.demo.results import RECORDED_TOPICS
from mmseg_ros.demo.schedule import Outage
from mmseg_ros.ros.environment import PROFILE_VARIABLES

# A node that compiles its loops for the first time on a busy machine takes minutes.
_WAIT_FOR_NODE_S = 300.0
_SLACK_S = 60.0
_TAIL_S = 1.5
_RECORDER_GRACE_S = 60.0
_POLL_S = 0.1

Progress = Callable[[float, float], None]
"""Called with the seconds played and their total."""
Say = Callable[[str], None]
"""Takes one line per second about the running node."""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What a run left behind.

    Attributes:
        recording: Bag with what the node published.
        node_usage: CPU seconds and memory of the node.
        seconds: How long the processes ran.
        speed: Seconds of the sequence that were played per second.
    """

    recording: Path
    node_usage: Usage
    seconds: float
    speed: float = 1.0


def require_ros() -> None:
    """Make sure that the live part can run.

    Raises:
        ConfigError: rclpy is not installed.
    """
    if importlib.util.find_spec('rclpy') is None:
        raise ConfigError(
            'The demo starts real ROS 2 nodes, but rclpy is not installed; source a ROS 2 '
            "installation, or run `pip install 'mmseg_ros[ros-pip]'`."
        )


def run_live(
    drive: Path,
    duration_s: float,
    outages: Sequence[Outage],
    output: Path,
    bundle: str,
    calibration: Path,
    progress: Progress,
    speed: float = 1.0,
    say: Say = lambda line: None,
) -> LiveRun:
    """Play a sequence to the node with outages, and record what it publishes.

    Args:
        drive: Bag to play.
        duration_s: How much of it.
        outages: Which sensor the player drops when.
        output: Folder for the recording and the logs of the processes.
        bundle: Folder or name of the model bundle.
        calibration: Calibration file of the sequence.
        progress: Told about the seconds played.
        speed: Seconds of the sequence per second.
        say: Told once a second which sensor is out, the rate and the latency.

    Raises:
        ProcessError: One of the processes failed; the end of its log is shown.
    """
    recording = output / 'recording'
    began_s = time.monotonic()
    with Processes(_environment(output / 'logs'), output / 'logs') as processes:
        node = processes.start('node', _node_command(bundle, calibration))
        recorder = processes.start('recorder', _recorder_command(recording))
        lines = _NewLines(processes.start('watch', _watch_command()).log, say)
        command = _player_command(drive, outages, duration_s, speed)
        player = processes.start('player', command)
        usage = _watch(processes, player, node, duration_s / speed, progress, lines)
        _let(processes, _TAIL_S)
        recorder.stop(_RECORDER_GRACE_S)
        recorder.check()
    return LiveRun(recording, usage, time.monotonic() - began_s, speed)


class _NewLines:
    """Passes on the lines that a log has gained."""

    def __init__(self, log: Path, say: Say) -> None:
        self._log = log
        self._say = say
        self._read = 0

    def pass_on(self) -> None:
        """Pass on the whole lines since the last call."""
        with self._log.open('rb') as stream:
            stream.seek(self._read)
            whole, newline, _ = stream.read().rpartition(b'\n')
        self._read += len(whole) + len(newline)
        for line in whole.decode('utf-8', 'replace').splitlines():
            self._say(line)


def _watch(
    processes: Processes,
    player: Child,
    node: Child,
    duration_s: float,
    progress: Progress,
    lines: _NewLines,
) -> Usage:
    """Wait until the player ends and return what the node used by then."""
    usage = node.usage()
    began_s = time.monotonic()
    limit_s = _WAIT_FOR_NODE_S + duration_s + _SLACK_S
    while player.return_code is None:
        processes.check()
        usage = node.usage()
        played_s = time.monotonic() - began_s
        if played_s > limit_s:
            processes.wait_for(player, 0.0)
        progress(min(played_s, duration_s), duration_s)
        lines.pass_on()
        time.sleep(_POLL_S)
    processes.check()
    return usage


def _let(processes: Processes, seconds: float) -> None:
    """Let the processes run on for a while."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        processes.check()
        time.sleep(_POLL_S)


def _environment(logs: Path) -> dict[str, str]:
    """Return an environment in which nobody outside this run hears the processes."""
    return {
        **os.environ,
        'ROS_DOMAIN_ID': str(1 + os.getpid() % 100),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        **dict.fromkeys(PROFILE_VARIABLES, str(config_file('fastdds_loopback.xml'))),
        'ROS_LOG_DIR': str(logs / 'ros'),
        'PYTHONUNBUFFERED': '1',
    }


def _node_command(bundle: str, calibration: Path) -> list[str]:
    return [
        sys.executable,
        '-m',
        'mmseg_ros.ros.segmentation_node',
        '--ros-args',
        '--params-file',
        str(config_file('mmseg.yaml')),
        '-p',
        'use_sim_time:=true',
        '-p',
        f'model.bundle:={bundle}',
        '-p',
        f'calibration.file:={calibration}',
    ]


def _watch_command() -> list[str]:
    return [sys.executable, '-m', 'mmseg_ros.ros.tools.watch']


def _recorder_command(recording: Path) -> list[str]:
    command = [sys.executable, '-m', 'mmseg_ros', 'record', str(recording)]
    return [*command, '--topics', *RECORDED_TOPICS]


def _player_command(
    drive: Path, outages: Sequence[Outage], duration_s: float, speed: float
) -> list[str]:
    drops = [word for outage in outages for word in ('--drop', outage.argument())]
    # Nobody on the graph needs the truth; it would only take processor time from the node.
    options = ['--clock', '--exclude', '/truth', '--wait', f'{_WAIT_FOR_NODE_S:g}']
    options += ['--rate', f'{speed:g}', '--duration', f'{duration_s:g}']
    return [sys.executable, '-m', 'mmseg_ros', 'play', str(drive), *options, *drops]
