"""The launch file, statically here and really where launch_ros is installed."""

import ast
import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / 'launch' / 'mmseg.launch.py'
ARGUMENTS = {
    'namespace',
    'params_file',
    'use_sim_time',
    'autostart',
    'log_level',
    'model',
    'backend',
    'referring',
    'rviz',
    'bag',
}


def tree():
    return ast.parse(LAUNCH.read_text())


def test_arguments_are_declared_and_described():
    (assignment,) = (
        node
        for node in tree().body
        if isinstance(node, ast.Assign) and node.targets[0].id == 'ARGUMENTS'
    )
    names = {key.value for key in assignment.value.keys}
    assert names == ARGUMENTS
    for value in assignment.value.values:
        assert ast.unparse(value.elts[1]).strip('\'"').endswith('.')


def test_every_argument_is_used():
    used = {
        node.slice.value
        for node in ast.walk(tree())
        if isinstance(node, ast.Subscript) and getattr(node.value, 'id', '') == 'argument'
    }
    assert used == ARGUMENTS


def test_files_and_executable_exist():
    text = LAUNCH.read_text()
    for path in ('config/mmseg.yaml', 'config/rviz/mmseg.rviz', 'config/fastdds.xml'):
        assert Path(path).name in text
        assert (ROOT / path).is_file()
    script = ROOT / 'scripts' / 'segmentation_node'
    assert os.access(script, os.X_OK)
    assert "executable='segmentation_node'" in text


def test_rviz_shows_topics_of_the_node():
    yaml = pytest.importorskip('yaml')
    content = yaml.safe_load((ROOT / 'config' / 'rviz' / 'mmseg.rviz').read_text())
    displays = content['Visualization Manager']['Displays']
    topics = {d['Topic']['Value'] for d in displays if 'Topic' in d}
    assert topics == {'/mmseg/overlay', '/mmseg/color', '/mmseg/points', '/mmseg/points/organized'}
    clouds = [d for d in displays if d['Class'].endswith('PointCloud2')]
    assert all(d['Color Transformer'] == 'RGB8' for d in clouds)


def test_launch_description_is_made_by_the_real_launch():
    pytest.importorskip('launch_ros')
    spec = importlib.util.spec_from_file_location('mmseg_launch', LAUNCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules['mmseg_launch'] = module
    spec.loader.exec_module(module)
    description = module.generate_launch_description()
    assert {argument.name for argument in description.get_launch_arguments()} == ARGUMENTS
