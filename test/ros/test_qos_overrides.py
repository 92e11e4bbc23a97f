"""qos_overrides.* of inputs and outputs, over DDS."""

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, PointCloud2

pytestmark = pytest.mark.ros
BEST_EFFORT = QoSProfile(depth=3, reliability=ReliabilityPolicy.BEST_EFFORT)


def given(**policies):
    return {f'qos_overrides.{name.replace("__", ".")}': value for name, value in policies.items()}


def test_overrides_of_outputs_are_taken(graph, make_node):
    node = make_node(
        **given(
            **{
                '/mmseg/labels.publisher.reliability': 'best_effort',
                '/mmseg/labels.publisher.depth': 2,
                '/mmseg/color.publisher.durability': 'transient_local',
            }
        )
    )
    labels, color = (
        graph.spin_until(lambda topic=topic: node.get_publishers_info_by_topic(topic))[0]
        for topic in ('/mmseg/labels', '/mmseg/color')
    )
    assert labels.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert color.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert node.get_parameter('qos_overrides./mmseg/labels.publisher.depth').value == 2
    assert node.get_parameter('qos_overrides./mmseg/overlay.publisher.depth').value == 5


def test_overrides_of_inputs_win_over_what_the_publisher_offers(graph, sensors, make_node):
    sensors.publisher('lidar/points')
    node = make_node(**given(**{'/lidar/points.subscription.reliability': 'best_effort'}))
    assert graph.spin_until(lambda: node.get_subscriptions_info_by_topic('/lidar/points'))
    for _ in range(3):
        graph.spin_until(lambda: False, 0.3)
        node.stream._refresh()
    (info,) = node.get_subscriptions_info_by_topic('/lidar/points')
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert node.stream.inputs['lidar'].reliability == 'best_effort'
    assert node.stream.inputs['lidar'].publisher_count() == 1


def test_a_reliable_override_names_the_publisher_that_cannot_serve_it(graph, sensors, make_node):
    sensors.node.create_publisher(Image, 'rgb/image_raw', BEST_EFFORT)
    node = make_node(**given(**{'/rgb/image_raw.subscription.reliability': 'reliable'}))
    subscription = node.stream.inputs['rgb']
    assert graph.spin_until(lambda: subscription.refresh() or subscription.problem)
    assert '/sensors offers best_effort' in subscription.problem


def test_inputs_without_an_override_still_follow_the_publisher(graph, sensors, make_node):
    node = make_node(**given(**{'/rgb/image_raw.subscription.depth': 3}))
    sensors.publisher('lidar/points')
    lidar = node.stream.inputs['lidar']
    assert graph.spin_until(lambda: lidar.refresh() or lidar.reliability == 'reliable')
    node.trigger_deactivate()
    node.trigger_activate()
    assert node.stream.inputs['lidar'].reliability == 'reliable'


def test_an_override_that_nothing_takes_is_named(graph, make_node):
    name = 'qos_overrides./mmseg/labelz.publisher.depth'
    node = make_node(**{name: 1})
    (text,) = node._declared.unused_qos()
    assert name in text
    assert 'no effect' in text


@pytest.mark.parametrize(
    ('preset', 'added'),
    [('autoware', ['class_id', 'probability']), ('hydra', ['label', 'rgba'])],
)
def test_field_presets_name_the_fields_of_points(sensors, listener, make_node, preset, added):
    make_node(output__field_preset=preset)
    listener.listen(PointCloud2, '/mmseg/points')
    assert sensors.play_until(('rgb', 'lidar'), lambda: listener.messages['/mmseg/points'])
    cloud = listener.messages['/mmseg/points'][-1]
    assert [field.name for field in cloud.fields][-2:] == added
    assert cloud.point_step % 4 == 0
    assert {field.offset % 4 for field in cloud.fields} == {0}
