"""Files for Foxglove, rviz2 and other software name what the nodes publish and nothing else."""

import json
import re
from pathlib import Path

import pytest
import yaml

from mmseg_ros.core.config import PARAMETER_BLOCKS, OutputConfig, SensorConfig
from mmseg_ros.core.modalities import SENSOR_TOPICS
from mmseg_ros.core.parameters import check_value, default_of, parameters_of
from mmseg_ros.messages.results import Results
from mmseg_ros.up.command_lines import node_command

CONFIG = Path(__file__).parents[2] / 'config'
RESULTS = {topic.name.removeprefix('~/') for topic in Results(OutputConfig()).topics}
LAYOUT = json.loads((CONFIG / 'foxglove' / 'mmseg.json').read_text())


def leaves(node):
    """Return the panels of a Foxglove layout."""
    return [node] if isinstance(node, str) else leaves(node['first']) + leaves(node['second'])


def test_the_foxglove_layout_shows_each_of_its_panels_once():
    assert sorted(leaves(LAYOUT['layout'])) == sorted(LAYOUT['configById'])
    kinds = {panel.split('!')[0] for panel in LAYOUT['configById']}
    assert kinds == {'3D', 'Image', 'Plot', 'StateTransitions', 'DiagnosticSummary'}


def test_the_foxglove_layout_names_topics_of_the_node():
    named = set(re.findall(r'"(/[\w/]+)[".]', json.dumps(LAYOUT)))
    ours = {f'/mmseg/{name}' for name in RESULTS}
    assert named <= ours | {*SENSOR_TOPICS.values(), '/diagnostics'}
    assert {'/mmseg/overlay', '/mmseg/points', '/diagnostics'} <= named


@pytest.mark.parametrize('path', sorted((CONFIG / 'rviz').glob('*.rviz')), ids=lambda p: p.stem)
def test_an_rviz_file_names_topics_of_its_rig(path):
    shown = yaml.safe_load(path.read_text())['Visualization Manager']['Displays']
    topics = {item['Topic']['Value'] for item in shown if 'Topic' in item}
    assert topics
    nodes = {'mmseg'}
    if path.stem != 'mmseg':
        rig = yaml.safe_load((CONFIG / 'rigs' / f'{path.stem}.yaml').read_text())
        nodes = {f'{camera}/mmseg' for camera in rig['cameras']}
        assert {topic.rpartition('/')[0] for topic in topics} >= nodes
        if 'merger' in rig:
            topics.remove('cloud_merger/points')
    for topic in topics:
        assert any(topic == f'{node}/{name}' for node in nodes for name in RESULTS), topic


def test_each_rig_has_an_rviz_file():
    rigs, files = ({p.stem for p in (CONFIG / d).iterdir()} for d in ('rigs', 'rviz'))
    assert rigs | {'mmseg'} == files


@pytest.mark.parametrize(
    'path', sorted((CONFIG / 'integrations').glob('*.yaml')), ids=lambda p: p.stem
)
def test_a_parameter_file_sets_what_there_is_and_differs(path):
    given = yaml.safe_load(path.read_text())['/**']['ros__parameters']
    assert given.pop('autostart') is True
    given.pop('sensor_names', None)
    for block, values in given.items():
        kind = SensorConfig if block.startswith('sensors.') else PARAMETER_BLOCKS[block]
        fields = {item.name: item for item in parameters_of(kind)}
        for name, value in values.items():
            check_value(name, value, fields[name])
            assert value != default_of(fields[name])
    text = (CONFIG.parent / 'docs' / 'integrations.md').read_text()
    assert f'config/integrations/{path.name}' in text


def test_the_launch_lines_of_the_integrations_are_ones_that_the_node_takes():
    text = (CONFIG.parent / 'docs' / 'integrations.md').read_text()
    lines = re.findall(r'^ros2 launch mmseg_ros mmseg\.launch\.py (.*)$', text, re.MULTILINE)
    assert len(lines) == len(list((CONFIG / 'integrations').glob('*.yaml')))
    for line in lines:
        words = line.replace('$SHARE', str(CONFIG.parent)).split()
        command = node_command('', dict(word.split(':=') for word in words))
        assert command.count('--params-file') == 2
