"""What `mmseg_ros up` starts: the command line of every process."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.node_arguments import PARAMETERS, PLAIN, TOPICS
from mmseg_ros.core.resources import config_file, share_directory
from mmseg_ros.core.rig_file import read_merger, read_rig_file
from mmseg_ros.up.supervised import Program

NODE, MERGER, PLAYER, VIEW = 'node', 'merger', 'player', 'view'
# A node that compiles its loops for the first time on a busy machine takes minutes.
WAIT_FOR_NODES_S = 300.0
_BOOLS = {'true': True, '1': True, 'false': False, '0': False}


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What is to run.

    Attributes:
        arguments: Arguments of mmseg.launch.py for every node, which count more than the rig file.
        rig: Rig file: a node per camera; None starts one node.
        bag: Bag to play with /clock.
        rate, duration_s, loop, drops: How; see `mmseg_ros play`.
        view: Whether to serve the page. view_arguments: Arguments of `mmseg_ros view`.
    """

    arguments: Mapping[str, str]
    rig: Path | None = None
    bag: Path | None = None
    rate: float = 1.0
    duration_s: float = math.inf
    loop: bool = False
    drops: Sequence[str] = ()
    view: bool = False
    view_arguments: Sequence[str] = ()


def programs(options: UpOptions) -> list[Program]:
    """Return what to start, in this order; everything that can be checked is checked here.

    Raises:
        ConfigError: The rig file, an argument, the parameter file or the bag cannot be used.
    """
    shared = dict(options.arguments)
    if options.bag is not None:
        if not options.bag.exists():
            raise ConfigError(f'--bag {options.bag} does not exist; give a bag folder or file.')
        shared.setdefault('use_sim_time', 'true')
    found = list(_nodes(options.rig, shared))
    first = found[0].name.removeprefix(NODE).lstrip(' ')
    if options.view:
        node = f'/{first}/mmseg' if first else '/mmseg'
        demo = ['--silence'] if options.bag is not None else []
        arguments = ['view', '--node', node, *demo, *options.view_arguments]
        found.append(Program(VIEW, _verb(*arguments)))
    if options.bag is not None:
        found.append(Program(PLAYER, _player(options), lasts=False))
    return found


def _nodes(rig: Path | None, shared: Mapping[str, str]) -> Iterator[Program]:
    if rig is None:
        yield Program(NODE, node_command('', shared))
        return
    cameras = read_rig_file(rig, (*PARAMETERS, *TOPICS, *PLAIN))
    for camera, own in cameras.items():
        yield Program(f'{NODE} {camera}', node_command(camera, {**own, **shared}))
    merger = read_merger(rig)
    if merger is not None:
        clock = {'use_sim_time': True} if _is_true('use_sim_time', shared) else {}
        yield Program(MERGER, [*_python('mmseg_ros.ros.cloud_merger'), *_set({**merger, **clock})])


def node_command(namespace: str, arguments: Mapping[str, str]) -> list[str]:
    """Return the command line of a segmentation node.

    Args:
        namespace: Its namespace, or ''.
        arguments: Arguments of mmseg.launch.py and their values, as typed.

    Raises:
        ConfigError: An argument is unknown or its value impossible.
    """
    unknown = sorted(set(arguments) - {*PARAMETERS, *TOPICS, *PLAIN})
    if unknown:
        there = ', '.join((*PARAMETERS, *TOPICS, *PLAIN))
        raise ConfigError(f'{unknown[0]!r} is not an argument of the node; there are {there}.')
    params_file = Path(arguments.get('params_file') or config_file('mmseg.yaml')).expanduser()
    if not params_file.is_file():
        raise ConfigError(f'params_file:={params_file} is not a file; give the path of one.')
    command = _python('mmseg_ros.ros.segmentation_node')
    for file in (share_directory() / 'launch' / 'defaults.yaml', params_file):
        command += ['--params-file', str(file)]
    given = {
        parameter: _is_true(name, arguments) if kind is bool else arguments[name]
        for name, (parameter, kind) in PARAMETERS.items()
        if arguments.get(name)
    }
    command += _set(given)
    for name, topic in TOPICS.items():
        if arguments.get(name):
            command += ['-r', f'{topic}:={arguments[name]}']
    if arguments.get('log_level'):
        command += ['--log-level', arguments['log_level']]
    return command + (['-r', f'__ns:=/{namespace}'] if namespace else [])


def _player(options: UpOptions) -> list[str]:
    words = ['play', str(options.bag), '--clock', '--rate', f'{options.rate:g}']
    # Nobody on the graph needs the truth; it would only take processor time from the node.
    words += ['--wait', f'{WAIT_FOR_NODES_S:g}', '--exclude', '/truth']
    words += ['--duration', f'{options.duration_s:g}'] if math.isfinite(options.duration_s) else []
    words += [word for drop in options.drops for word in ('--drop', drop)]
    words += ['--loop'] if options.loop else []
    words += ['--silence'] if options.view else []
    return _verb(*words)


def _python(module: str) -> list[str]:
    return [sys.executable, '-m', module, '--ros-args']


def _verb(*words: str) -> list[str]:
    return [sys.executable, '-m', 'mmseg_ros', *words]


def _set(parameters: Mapping[str, Any]) -> list[str]:
    """Return `-p name:=value` for each; a text stays one, also if it looks like a number."""
    return [
        word
        for name, value in parameters.items()
        for word in ('-p', f'{name}:={json.dumps(value, ensure_ascii=False)}')
    ]


def _is_true(name: str, arguments: Mapping[str, str]) -> bool:
    text = str(arguments.get(name, '')).lower()
    if text and text not in _BOOLS:
        raise ConfigError(f'{name}:={arguments[name]} must be true or false.')
    return _BOOLS.get(text, False)
