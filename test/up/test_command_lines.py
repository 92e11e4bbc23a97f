"""What `up` starts: nodes as launch would start them, a player, a view."""

import json
import sys

import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.resources import config_file
from mmseg_ros.up.command_lines import UpOptions, node_command, programs


def parameters(command):
    pairs = [command[i + 1] for i, word in enumerate(command) if word == '-p']
    return {name: json.loads(value) for name, _, value in (p.partition(':=') for p in pairs)}


def remappings(command):
    words = [command[i + 1] for i, word in enumerate(command) if word == '-r']
    return dict(word.split(':=') for word in words)


def test_one_node_without_anything():
    (node,) = programs(UpOptions({}))
    assert node.command[:4] == [
        sys.executable,
        '-m',
        'mmseg_ros.ros.segmentation_node',
        '--ros-args',
    ]
    files = [node.command[i + 1] for i, w in enumerate(node.command) if w == '--params-file']
    assert [name.rsplit('/', 1)[1] for name in files] == ['defaults.yaml', 'mmseg.yaml']
    assert (node.lasts, parameters(node.command)) == (True, {})


def test_arguments_set_what_launch_sets():
    command = node_command('', {'model': '7', 'use_sim_time': 'true', 'lidar_topic': '/top'})
    assert parameters(command) == {'model.bundle': '7', 'use_sim_time': True}
    assert remappings(command) == {'lidar/points': '/top'}


def test_a_rig_has_a_node_per_camera_and_arguments_count_more():
    rig = config_file('rigs/six_cameras.yaml')
    *nodes, merger = programs(UpOptions({'model': 'mine'}, rig=rig))
    assert [node.name for node in nodes][:2] == ['node front', 'node front_left']
    assert remappings(nodes[1].command)['__ns'] == '/front_left'
    assert parameters(nodes[1].command)['model.bundle'] == 'mine'
    assert parameters(merger.command)['cameras'] == [n.name.split()[1] for n in nodes]


def test_a_bag_sets_the_clock_and_is_played_once(tmp_path):
    options = UpOptions({}, bag=tmp_path, rate=0.5, drops=['lidar@1-2'], view=True)
    node, view, player = programs(options)
    assert parameters(node.command)['use_sim_time'] is True
    assert not player.lasts
    assert player.command[3:8] == ['play', str(tmp_path), '--clock', '--rate', '0.5']
    assert '--silence' in player.command
    assert view.command[3:6] == ['view', '--node', '/mmseg']


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'arguments': {'color': '1'}}, "'color' is not an argument"),
        ({'arguments': {'params_file': '/none.yaml'}}, 'params_file:=/none.yaml'),
        ({'arguments': {'autostart': 'perhaps'}}, 'must be true or false'),
        ({'arguments': {}, 'bag': '/no/bag'}, '--bag /no/bag does not exist'),
        ({'arguments': {}, 'rig': '/no/rig.yaml'}, 'cannot read'),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(options, words):
    from pathlib import Path

    for name in ('bag', 'rig'):
        if name in options:
            options = {**options, name: Path(options[name])}
    with pytest.raises(ConfigError, match=words):
        programs(UpOptions(**options))
