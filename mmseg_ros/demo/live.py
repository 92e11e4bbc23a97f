"""What `mmseg_ros up` starts, a recorder and a watch: real nodes that talk over DDS."""

from __future__ import annotations

import importlib.util
import os
import queue
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmseg_ros.core.child_process import Usage
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.resources import config_file
from mmseg_ros.demo.results import RECORDED_TOPICS
from mmseg_ros.demo.schedule import Outage
from mmseg_ros.ros.environment import PROFILE_VARIABLES
from mmseg_ros.up.command_lines import NODE, PLAYER, WAIT_FOR_NODES_S, UpOptions, programs
from mmseg_ros.up.supervised import Program
from mmseg_ros.up.supervisor import OneLog, ProcessError, Supervisor

RECORDER, WATCH = 'recorder', 'watch'
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


def log_file(output: Path) -> Path:
    """Return the log of all processes of a run."""
    return output / 'logs' / 'demo.log'


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
        output: Folder for the recording and the log of the processes.
        bundle: Folder or name of the model bundle.
        calibration: Calibration file of the sequence.
        progress: Told about the seconds played.
        speed: Seconds of the sequence per second.
        say: Told once a second which sensor is out, the rate and the latency.

    Raises:
        ProcessError: One of the processes failed; its last lines are shown.
    """
    recording = output / 'recording'
    options = UpOptions(
        arguments={'model': bundle, 'calibration': str(calibration)},
        bag=drive,
        rate=speed,
        duration_s=duration_s,
        drops=[outage.argument() for outage in outages],
    )
    started = demo_programs(options, recording)
    log = log_file(output)
    log.parent.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    with log.open('w', encoding='utf-8') as stream:
        lines = _Lines(OneLog(started, lambda line: print(line, file=stream, flush=True)), say)
        with Supervisor(started, _environment(log.parent), lines) as running:
            usage = _watch(running, duration_s / speed, progress, lines)
            _let(running, _TAIL_S)
            running.stop(RECORDER, _RECORDER_GRACE_S)
    return LiveRun(recording, usage, time.monotonic() - began_s, speed)


def demo_programs(options: UpOptions, recording: Path) -> list[Program]:
    """Return what runs: node and player of `up`, and before the player what listens.

    Nothing is started again: what the demo shows and measures is one run without a crash.

    Raises:
        ConfigError: An option cannot be used.
    """
    *nodes, player = programs(options)
    record = [sys.executable, '-m', 'mmseg_ros', 'record', str(recording)]
    listeners = [
        Program(RECORDER, [*record, '--topics', *RECORDED_TOPICS]),
        Program(WATCH, [sys.executable, '-m', 'mmseg_ros.ros.tools.watch']),
    ]
    return [replace(program, restarts=False) for program in (*nodes, *listeners, player)]


class _Lines:
    """Sends all lines to the log, and those of the watch on when asked."""

    def __init__(self, log: OneLog, say: Say) -> None:
        self._log = log
        self._say = say
        self._new: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self, name: str, text: str) -> None:
        self._log(name, text)
        if name == WATCH:
            self._new.put(text)

    def pass_on(self) -> None:
        """Pass on the lines since the last call."""
        while not self._new.empty():
            self._say(self._new.get())


def _watch(running: Supervisor, duration_s: float, progress: Progress, lines: _Lines) -> Usage:
    """Wait until the player ends and return what the node used by then."""
    node, player = running[NODE], running[PLAYER]
    usage = node.usage()
    began_s = time.monotonic()
    limit_s = WAIT_FOR_NODES_S + duration_s + _SLACK_S
    while player not in running.check():
        usage = node.usage()
        played_s = time.monotonic() - began_s
        if played_s > limit_s:
            told = f'The {PLAYER} did not end within {limit_s:.0f} s; its last lines:'
            raise ProcessError(f'{told}\n{player.tail()}')
        progress(min(played_s, duration_s), duration_s)
        lines.pass_on()
        time.sleep(_POLL_S)
    return usage


def _let(running: Supervisor, seconds: float) -> None:
    """Let the processes run on for a while."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        running.check()
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
