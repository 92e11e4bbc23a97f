"""Parameters come from the dataclasses, and config/mmseg.yaml agrees with them."""

from pathlib import Path

import pytest
import yaml
from rclpy.node import Node
from rclpy.parameter import Parameter

from mmseg_ros.core.config import NodeConfig, SensorConfig
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.parameters import default_of, parameters_of
from mmseg_ros.ros.parameters import NodeParameters

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]


@pytest.fixture
def declare(graph):
    def make(**values):
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        node = Node('parameters', context=graph.context, parameter_overrides=overrides)
        graph.add(node)
        parameters = NodeParameters(node)
        node.add_on_set_parameters_callback(parameters.check)
        return node, parameters

    return make


def test_defaults_are_those_of_the_dataclasses(declare):
    _, parameters = declare()
    assert parameters.config() == NodeConfig()
    assert parameters.autostart is False


def test_every_field_has_a_descriptor_with_text_and_range(declare):
    node, _ = declare()
    for item in parameters_of(SensorConfig):
        descriptor = node.describe_parameter(f'sensors.rgb.{item.name}')
        assert descriptor.description.startswith(item.metadata['text'])
        assert descriptor.read_only == item.metadata['read_only']
    window = node.describe_parameter('sensors.rgb.window_s')
    assert window.floating_point_range[0].to_value == 5.0
    assert '[s]' in window.description
    kind = node.describe_parameter('sensors.rgb.kind')
    assert 'lidar' in kind.additional_constraints


def test_given_values_are_taken_and_integers_become_floats(declare):
    _, parameters = declare(
        **{'sensors': ['rgb', 'thermal'], 'sensors.thermal.window_s': 1, 'sync.deadline_s': 0.25}
    )
    config = parameters.config()
    assert list(config.sensors) == ['rgb', 'thermal']
    assert config.sensors['thermal'].window_s == 1.0
    assert config.sync.deadline_s == 0.25


def test_all_wrong_values_are_named_at_once(declare):
    with pytest.raises(ConfigError) as error:
        declare(**{'sync.deadline_s': 'soon', 'model.threads': -1, 'sensors.rgb.kind': 'radar'})
    for word in ('sync.deadline_s', 'model.threads', 'sensors.rgb.kind', 'radar'):
        assert word in str(error.value)


@pytest.mark.parametrize('names', [['rgb', 'rgb'], ['a b'], ['']])
def test_impossible_sensor_names_are_refused(declare, names):
    with pytest.raises(ConfigError, match='sensors'):
        declare(sensors=names)


def test_unknown_names_are_reported_with_the_nearest(declare):
    _, parameters = declare(**{'sync.dedline_s': 0.2, 'sensors.radar.window_s': 0.1})
    first, second = parameters.unknown()
    assert 'sensors.radar.window_s' in first
    assert "Did you mean 'sync.deadline_s'" in second


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('sync.deadline_s', 99.0, 'range'),
        ('sync.min_sensors', 0, 'range'),
        ('sync.deadline_s', 'x', 'type'),
        ('model.bundle', 'other', 'read-only'),
        ('sensors.rgb.reliability', 'reliable', 'read-only'),
    ],
)
def test_bad_changes_are_refused_with_the_reason(declare, name, value, reason):
    node, parameters = declare()
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert not result.successful
    assert reason in result.reason
    assert parameters.config() == NodeConfig()


def test_yaml_holds_every_parameter_with_its_default(declare):
    content = yaml.safe_load((ROOT / 'config' / 'mmseg.yaml').read_text())
    given = dict(flat(content['/**']['ros__parameters']))
    defaults = {'autostart': True}
    _, parameters = declare()
    for name, item in parameters._fields.items():
        defaults.setdefault(name, default_of(item))
    defaults['sensors'] = ['rgb', 'depth', 'event', 'lidar']
    defaults['sensors.event.queue_depth'] = 20
    assert given == defaults


def flat(values, prefix=''):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield prefix + key, value


def test_live_changes_reach_the_running_node(graph, make_node):
    node = make_node()
    changes = [
        Parameter('output.overlay_alpha', value=0.25),
        Parameter('sync.deadline_s', value=0.02),
        Parameter('sensors.lidar.window_s', value=0.2),
    ]
    assert node.set_parameters_atomically(changes).successful
    assert node.session.outputs.config.overlay_alpha == 0.25
    assert node.config.sync.deadline_s == 0.02
    assert node.stream.collector is not None
    refused = node.set_parameters([Parameter('output.overlay_alpha', value=3.0)])
    assert not refused[0].successful
    assert node.session.outputs.config.overlay_alpha == 0.25
