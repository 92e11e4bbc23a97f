"""Parameters come from the dataclasses, and the files in config/ agree with them."""

from pathlib import Path

import pytest
import yaml
from rclpy.node import Node
from rclpy.parameter import Parameter

from mmseg_ros.core.config import NodeConfig, SensorConfig
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.model_config import ModelConfig
from mmseg_ros.core.parameters import default_of, parameters_of
from mmseg_ros.ros.parameters import NodeParameters

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
RIGS = sorted(path for path in (ROOT / 'config').glob('*.yaml'))


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
        **{
            'sensor_names': ['rgb', 'thermal'],
            'sensors.thermal.window_s': 1,
            'sync.deadline_s': 0.25,
        }
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
def test_impossible_sensor_names_are_rejected(declare, names):
    with pytest.raises(ConfigError, match='sensor_names'):
        declare(sensor_names=names)


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
        ('model.backend', 'openvino', 'read-only'),
        ('sensors.rgb.reliability', 'reliable', 'read-only'),
    ],
)
def test_bad_changes_are_rejected_with_the_reason(declare, name, value, reason):
    node, parameters = declare()
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert not result.successful
    assert reason in result.reason
    assert parameters.config() == NodeConfig()


@pytest.mark.parametrize('path', RIGS, ids=lambda path: path.stem)
def test_parameter_files_hold_deviations_only_and_are_taken(declare, path):
    content = yaml.safe_load(path.read_text())
    given = dict(flat(content['/**']['ros__parameters']))
    assert given.pop('autostart') is True
    _, parameters = declare(**given)
    assert parameters.unknown() == []
    assert parameters.config() is not None
    for name, value in given.items():
        if name != 'sensor_names':
            assert value != default_of(parameters._fields[name]), name


def test_there_is_a_file_for_each_usual_rig():
    sensors = {
        path.stem: yaml.safe_load(path.read_text())['/**']['ros__parameters'].get('sensor_names')
        for path in RIGS
    }
    assert sensors == {
        'mmseg': None,
        'rgb': ['rgb'],
        'rgbd': ['rgb', 'depth'],
        'rgb_lidar': ['rgb', 'lidar'],
        'thermal_rgb': ['rgb', 'thermal'],
    }


def flat(values, prefix=''):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield prefix + key, value


def test_no_parameter_is_a_prefix_of_another_so_that_they_can_be_dumped(graph, make_node):
    node = make_node()
    names = list(node._parameters)
    assert [(a, b) for a in names for b in names if b.startswith(a + '.')] == []


@pytest.mark.parametrize(
    ('values', 'named'),
    [
        ({'sync.min_sensors': 5}, 'sync.min_sensors is 5, but only 4 sensors are enabled'),
        (
            {'sync.min_sensors': 4, 'sensors.depth.enabled': False},
            'only 3 sensors are enabled (rgb, event, lidar)',
        ),
        ({'sync.reference_order': ['nonsense']}, "names 'nonsense'"),
        ({'sync.reference_order': ['rgb', 'rgb']}, 'twice'),
        (
            {'sync.reference_order': ['event'], 'sensors.event.enabled': False},
            'none of them is enabled',
        ),
        (
            {'sensors.lidar.expected_rate_hz': 1.0},
            'sensors.lidar.lost_after_s is 0.5 s, but at sensors.lidar.expected_rate_hz of 1 Hz',
        ),
        ({'sensors.rgb.kind': 'lidar'}, "sensors.rgb.kind is 'lidar'"),
        ({'model.precision': 'bf16', 'model.backend': 'torch'}, "model.precision is 'bf16'"),
        (
            {f'sensors.{name}.enabled': False for name in ('rgb', 'depth', 'event', 'lidar')},
            'All sensors are disabled',
        ),
    ],
)
def test_contradictions_are_rejected_with_the_reason(declare, values, named):
    _, parameters = declare(**values)
    with pytest.raises(ConfigError) as error:
        parameters.config()
    assert named in str(error.value)


@pytest.mark.parametrize(
    'values',
    [
        {'sensor_names': ['thermal', 'lidar'], 'sync.min_sensors': 2},
        {'sync.reference_order': ['depth']},
        {'sensors.lidar.expected_rate_hz': 10.0},
        {'model.precision': 'bf16'},
    ],
)
def test_what_fits_is_accepted(declare, values):
    _, parameters = declare(**values)
    assert parameters.config() is not None


@pytest.mark.parametrize(
    ('name', 'value', 'named'),
    [
        ('qos_overrides./rgb/image_raw.subscription.reliability', 'perhaps', 'reliable, best_'),
        ('qos_overrides./mmseg/labels.publisher.depth', 'many', 'type int'),
        ('qos_overrides./mmseg/labels.publisher.depth', -1, 'negative'),
        ('qos_overrides./mmseg/labels.publisher.color', 'red', 'policy'),
    ],
)
def test_impossible_qos_overrides_are_named(declare, name, value, named):
    with pytest.raises(ConfigError) as error:
        declare(**{name: value})
    assert name in str(error.value)
    assert named in str(error.value)


def test_contradictions_are_rejected_live_and_nothing_changes(make_node):
    node = make_node()
    collector, config = node.stream.collector, node.config
    for name, value in (('sync.min_sensors', 5), ('sync.reference_order', ['nonsense'])):
        (result,) = node.set_parameters([Parameter(name, value=value)])
        assert not result.successful
        assert name in result.reason
    assert node.config == config
    assert node.stream.collector is collector


def test_a_live_change_touches_only_what_it_concerns(make_node):
    node = make_node()
    collector, pipeline = node.stream.collector, node.session._pipeline
    counters, health = collector.counters, dict(collector.health.sensors)
    node.set_parameters([Parameter('output.overlay_alpha', value=0.25)])
    node.set_parameters([Parameter('diagnostics.latency_budget_ms', value=50.0)])
    node.set_parameters([Parameter('sync.deadline_s', value=0.02)])
    assert node.stream.collector is collector
    assert collector.counters is counters
    assert dict(collector.health.sensors) == health
    assert node.session._pipeline is pipeline
    assert node.session.outputs.config.overlay_alpha == 0.25
    node.set_parameters([Parameter('calibration.event_window_s', value=0.02)])
    assert node.session._pipeline is not pipeline


def test_what_is_set_while_the_network_loads_is_kept(graph, make_node, monkeypatch):
    from mmseg_ros.ros import node as node_module

    load, change = node_module.load, Parameter('output.overlay_alpha', value=0.75)

    def slow(*arguments):
        node_module.changed.set_parameters([change])
        return load(*arguments)

    monkeypatch.setattr(node_module, 'load', slow)
    node = make_node(autostart=False)
    monkeypatch.setattr(node_module, 'changed', node, raising=False)
    node.trigger_configure()
    assert node.session.outputs.config.overlay_alpha == 0.75
    assert node.session._config.overlay_alpha == 0.75


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
    rejected = node.set_parameters([Parameter('output.overlay_alpha', value=3.0)])
    assert not rejected[0].successful
    assert node.session.outputs.config.overlay_alpha == 0.25


def test_the_calibration_file_holds_topics_and_windows_and_what_is_given_wins(declare, tmp_path):
    path = tmp_path / 'rig.yaml'
    sensors = {
        'rgb': {'topic': '/cam/image_raw', 'window_s': 0.03},
        'lidar': {'topic': '/velodyne_points', 'offset_s': 0.1},
    }
    path.write_text(
        yaml.safe_dump({'sync': {'deadline_s': 0.07}, 'sensors': sensors}, sort_keys=False)
    )
    given = {'calibration.file': str(path), 'sensors.rgb.window_s': 0.05}
    _, parameters = declare(**given)
    config = parameters.config()
    assert parameters.modalities == ('rgb', 'lidar')
    assert config.sensors['rgb'].topic == '/cam/image_raw'
    assert config.sensors['rgb'].window_s == 0.05
    assert config.sensors['lidar'].offset_s == 0.1
    assert config.sync.deadline_s == 0.07
    assert parameters.unknown() == []


@pytest.mark.parametrize(
    ('when', 'specialise', 'prepared'),
    [('ahead', True, [['rgb', 'lidar']]), ('on_demand', True, []), ('none', False, [])],
)
def test_subset_graphs_are_made_when_told(make_bundle, monkeypatch, when, specialise, prepared):
    from mmseg_ros.ros import loading

    asked = []

    class Backend:
        name = 'stand-in'

        def prepare(self, modalities):
            asked.append(list(modalities))

    def create(name, threads, precision, specialised):
        assert specialised is specialise
        return Backend()

    monkeypatch.setattr(loading, 'create_backend', create)
    monkeypatch.setattr(loading, 'load_and_warm_up', lambda *_: None)
    sensors = {name: SensorConfig(enabled=name != 'depth') for name in ('rgb', 'depth', 'lidar')}
    model = ModelConfig(bundle=str(make_bundle().path), subset_graphs=when)
    loading.load(loading.plan(NodeConfig(sensors=sensors, model=model)))
    assert asked == prepared
