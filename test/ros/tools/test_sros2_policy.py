"""config/sros2/mmseg_policy.xml allows what the running node uses, and nothing else."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from mmseg_ros.ros.tools.sros2_policy import Interface, interface_of, policy_xml

pytestmark = pytest.mark.ros
FILE = Path(__file__).parents[3] / 'config' / 'sros2' / 'mmseg_policy.xml'
VISION_MSGS = {'/mmseg/label_info', '/mmseg/label_info_json'}
"""One of these is published, the first where vision_msgs is installed."""


def allowed(text):
    """Return the names of a policy by right, e.g. publish."""
    rights = {}
    for profile in ElementTree.fromstring(text).iter('profile'):
        for group in profile:
            (right,) = (name for name, value in group.attrib.items() if value == 'ALLOW')
            rights[right] = {entry.text for entry in group}
    return rights


def seen_by(observer, name, namespace):
    """Return what another participant of the graph knows about a node, by right."""
    return {
        'publish': observer.get_publisher_names_and_types_by_node(name, namespace),
        'subscribe': observer.get_subscriber_names_and_types_by_node(name, namespace),
        'reply': observer.get_service_names_and_types_by_node(name, namespace),
        'request': observer.get_client_names_and_types_by_node(name, namespace),
    }


@pytest.mark.parametrize('calibration', ['', 'demo_rig'])
def test_the_policy_is_complete_for_the_running_node(graph, make_node, listener, calibration):
    node = make_node(calibration__file=calibration)
    policy = allowed(FILE.read_text())
    me = (node.get_name(), node.get_namespace())

    def seen():
        return {
            right: {name for name, _ in names}
            for right, names in seen_by(listener.node, *me).items()
        }

    def is_discovered():
        known = seen()
        published = known['publish'] >= policy['publish'] - VISION_MSGS
        return published and known['reply'] >= policy['reply']

    assert graph.spin_until(is_discovered), seen()
    for right, names in seen().items():
        assert names - VISION_MSGS <= policy.get(right, set()), right


def test_the_policy_is_what_the_module_makes_of_the_node(graph, make_node):
    node = make_node(calibration__file='')
    graph.spin_until(lambda: False, 0.5)
    made = allowed(policy_xml(node.get_name(), node.get_namespace(), interface_of(node)))
    policy = allowed(FILE.read_text())
    policy['publish'] -= VISION_MSGS
    made['publish'] -= VISION_MSGS
    assert made == policy


def test_names_are_text_and_a_namespace_is_part_of_the_enclave():
    text = policy_xml('seg', '/front', Interface(('/a<b',), (), ('/front/seg/get_state',), ()))
    profile = next(ElementTree.fromstring(text).iter('profile'))
    assert profile.attrib == {'ns': '/front', 'node': 'seg'}
    assert next(ElementTree.fromstring(text).iter('enclave')).attrib['path'] == '/front/seg'
    assert allowed(text) == {'publish': {'/a<b'}, 'reply': {'/front/seg/get_state'}}
