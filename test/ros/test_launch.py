"""The launch files, over a stand-in for launch and, where it is installed, the real one."""

import ast
import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.node_arguments import PARAMETERS, TOPICS

_SPEC = importlib.util.spec_from_file_location(
    'launch_stand_in', Path(__file__).with_name('launch_stand_in.py')
)
stand_in = importlib.util.module_from_spec(_SPEC)
sys.modules['launch_stand_in'] = stand_in
_SPEC.loader.exec_module(stand_in)

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / 'launch' / 'mmseg.launch.py'
RIG = ROOT / 'launch' / 'rig.launch.py'
TYPED = {
    'use_sim_time': ('true', True),
    'autostart': ('false', False),
    'model': ('my-bundle', 'my-bundle'),
    'backend': ('openvino', 'openvino'),
    'precision': ('bf16', 'bf16'),
    'referring': ('7', '7'),
    'calibration': ('/car.yaml', '/car.yaml'),
}
"""Argument -> (what somebody types, the value that the parameter gets)."""
OTHERS = {'namespace', 'params_file', 'log_level', 'respawn',
          'rviz', 'fixed_frame', 'bag', 'bag_rate', 'bag_loop'}  # fmt: skip


@pytest.fixture
def everything(monkeypatch):
    """Stand in for a system that has every package."""
    stand_in.install(monkeypatch, ('rviz2', 'ros2bag'))


def the_node(started):
    (node,) = (item for item in started if item.options.get('package') == 'mmseg_ros')
    return node.options


def test_arguments_are_declared_and_described(everything):
    for path in (LAUNCH, RIG):
        declared = stand_in.load(path).generate_launch_description().get_launch_arguments()
        assert all(item.description.endswith('.') for item in declared)
        if path == LAUNCH:
            assert {item.name for item in declared} == {*TOPICS, *PARAMETERS, *OTHERS}
            assert TYPED.keys() == PARAMETERS.keys()
            texts = {item.name: item.description for item in declared}
            assert all(texts[name].endswith(f' {topic}.') for name, topic in TOPICS.items())


def test_an_argument_that_is_not_given_sets_nothing(everything, tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('/**: {ros__parameters: {model.backend: onnxruntime}}')
    for arguments, params_file in (({}, ROOT / 'config' / 'mmseg.yaml'),
                                   ({'params_file': str(own)}, own)):  # fmt: skip
        (node,) = stand_in.launched(LAUNCH, arguments)
        base, file = node.options['parameters']
        assert Path(file) == params_file
        assert yaml.safe_load(Path(base).read_text()) == {
            '/**': {'ros__parameters': {'autostart': True}}
        }
        assert node.options['remappings'] == []
        assert node.options['ros_arguments'] == []
        assert node.options['respawn'] is False


@pytest.mark.parametrize('name', TYPED)
def test_an_argument_that_is_given_counts_more_than_the_file(everything, name):
    typed, value = TYPED[name]
    parameter, _ = PARAMETERS[name]
    *_, given = the_node(stand_in.launched(LAUNCH, {name: typed}))['parameters']
    assert list(given) == [parameter]
    assert given[parameter].value == value
    assert given[parameter].value_type is type(value)


def test_the_parameters_exist(everything):
    config = NodeConfig()
    for parameter, _ in PARAMETERS.values():
        if '.' in parameter:
            block, field = parameter.split('.')
            assert hasattr(getattr(config, block), field)


def test_topics_are_remapped(everything):
    given = {name: f'/vehicle/{name}' for name in TOPICS}
    remappings = the_node(stand_in.launched(LAUNCH, given))['remappings']
    assert sorted(remappings) == sorted((TOPICS[name], topic) for name, topic in given.items())


def test_rviz_follows_namespace_and_frame(everything):
    _, rviz = stand_in.launched(
        LAUNCH, {'namespace': 'front', 'rviz': 'true', 'fixed_frame': 'map'}
    )
    assert rviz.full_namespace == 'front'
    arguments = rviz.options['arguments']
    assert arguments[:1] + arguments[2:] == ['-d', '-f', 'map']
    content = yaml.safe_load(Path(arguments[1]).read_text())['Visualization Manager']
    displays = content['Displays']
    topics = {item['Topic']['Value'] for item in displays if 'Topic' in item}
    assert topics == {f'mmseg/{name}' for name in ('overlay', 'color', 'points',
                                                   'points/organized')}  # fmt: skip
    clouds = [item for item in displays if item['Class'].endswith('PointCloud2')]
    assert all(item['Color Transformer'] == 'RGB8' for item in clouds)
    assert content['Global Options']['Fixed Frame'] == 'base_link'
    _, rviz = stand_in.launched(LAUNCH, {'rviz': 'True'})
    assert len(rviz.options['arguments']) == 2


def test_the_bag_is_played_as_asked(everything):
    _, bag = stand_in.launched(LAUNCH, {'bag': '/a bag', 'bag_rate': '0.5', 'bag_loop': 'true'})
    assert isinstance(bag, stand_in.ExecuteProcess)
    expected = 'ros2 bag play|/a bag|--clock 100 --rate 0.5 --loop'
    assert bag.options['cmd'] == [
        word for i, part in enumerate(expected.split('|')) for word in ([part] if i == 1
                                                                       else part.split())
    ]  # fmt: skip
    _, bag = stand_in.launched(LAUNCH, {'bag': '/b'})
    assert bag.options['cmd'] == ['ros2', 'bag', 'play', '/b', '--clock', '100']


def test_the_node_comes_back_if_asked(everything):
    node = the_node(stand_in.launched(LAUNCH, {'respawn': 'true', 'log_level': 'debug'}))
    assert node['respawn'] is True
    assert node['respawn_delay'] > 0
    assert node['ros_arguments'] == ['--log-level', 'debug']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'rviz': 'true'}, 'rviz:=true needs the ROS package rviz2'),
        ({'bag': '/b'}, 'bag:=... needs the ROS package ros2bag'),
        ({'rviz': 'maybe'}, 'rviz:=maybe must be true or false'),
        ({'autostart': 'no!'}, 'autostart:=no! must be true or false'),
        ({'params_file': '/no/such.yaml'}, 'params_file:=/no/such.yaml is not a file'),
    ],
)
def test_what_cannot_be_started_is_told_before_the_node_runs(monkeypatch, arguments, message):
    stand_in.install(monkeypatch)
    context = stand_in.Context()
    with pytest.raises(RuntimeError, match=re.escape(message)):
        stand_in.launched(LAUNCH, arguments, context)
    assert context.started == []


@pytest.mark.parametrize('rate', ['0', '-1', 'inf', 'nan', 'fast'])
def test_a_bag_has_a_positive_rate(everything, rate):
    with pytest.raises(RuntimeError, match=r'bag_rate:=.* must be a number above 0'):
        stand_in.launched(LAUNCH, {'bag': '/b', 'bag_rate': rate})


def test_two_includes_in_two_namespaces_do_not_share_arguments(everything):
    def group(above, **arguments):
        source = stand_in.PythonLaunchDescriptionSource(str(LAUNCH))
        return stand_in.GroupAction(
            [
                stand_in.PushRosNamespace(above),
                stand_in.IncludeLaunchDescription(source, arguments.items()),
            ]
        )

    context = stand_in.Context()
    stand_in.run(
        [group('front', backend='openvino', rviz='true'), group('rear', namespace='low')], context
    )
    assert [item.full_namespace for item in context.started] == ['front', 'front', 'rear/low']
    first, _, second = (item.options for item in context.started)
    assert len(first['parameters']) == 3
    assert len(second['parameters']) == 2


def test_the_shipped_rig_starts_one_node_per_camera_under_one_lidar(everything):
    nodes = stand_in.launched(RIG, {'namespace': 'car', 'bag': '/b', 'use_sim_time': 'true'})
    front, bag, rear = nodes
    assert isinstance(bag, stand_in.ExecuteProcess)
    assert (front.full_namespace, rear.full_namespace) == ('car/front', 'car/rear')
    for node in (front, rear):
        assert isinstance(node, stand_in.Node)
        remappings = dict(node.options['remappings'])
        assert remappings['lidar/points'] == '/lidar/points'
        camera = node.options['namespace']
        assert remappings['rgb/image_raw'] == f'/{camera}/camera/image_raw'
        assert node.options['parameters'][-1]['use_sim_time'].value is True


def test_an_argument_of_the_rig_launch_counts_more_than_the_rig_file(everything, tmp_path):
    rig = tmp_path / 'rig.yaml'
    rig.write_text('respawn: true\ncameras: {left: {rviz: true, calibration: /l.yaml}, right: }')
    left, rviz, right = stand_in.launched(RIG, {'rig': str(rig), 'respawn': 'false'})
    assert rviz.options['package'] == 'rviz2'
    assert [left.options['respawn'], right.options['respawn']] == [False, False]
    assert left.options['parameters'][-1]['calibration.file'].value == '/l.yaml'
    assert len(right.options['parameters']) == 2
    rig.write_text('cameras: {left: {color: blue}}')
    with pytest.raises(ConfigError, match="'color' is not an argument"):
        stand_in.launched(RIG, {'rig': str(rig)})


def test_files_and_executable_exist():
    script = ROOT / 'scripts' / 'segmentation_node'
    assert os.access(script, os.X_OK)
    for path in (LAUNCH, RIG):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                words = ast.unparse(node).replace("'", '').split(' / ')
                assert words[0] == 'SHARE'
                assert ROOT.joinpath(*words[1:]).exists(), words


@pytest.mark.parametrize('path', [LAUNCH, RIG])
def test_the_real_launch_takes_the_files(path, monkeypatch, tmp_path):
    pytest.importorskip('launch_ros')
    index = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'mmseg_ros').touch()
    (tmp_path / 'share' / 'mmseg_ros').symlink_to(ROOT)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    description = stand_in.load(path).generate_launch_description()
    declared = {argument.name for argument in description.get_launch_arguments()}
    assert declared >= {'namespace', 'bag_loop', 'respawn'}


def test_the_rig_of_six_cameras_has_a_merger_of_all(everything):
    rig = ROOT / 'config' / 'rigs' / 'six_cameras.yaml'
    *nodes, merger = stand_in.launched(RIG, {'rig': str(rig), 'use_sim_time': 'true'})
    assert len(nodes) == 6
    assert merger.options['executable'] == 'cloud_merger'
    (parameters,) = merger.options['parameters']
    assert parameters['cameras'] == [node.options['namespace'] for node in nodes]
    assert parameters['use_sim_time'] is True
    files = {node.options['parameters'][1] for node in nodes}
    assert files == {str(ROOT / 'config' / 'rgb_lidar.yaml')}
