"""A node that is gone is gone from the ROS graph too."""

import pytest

from mmseg_ros.core.errors import ConfigError

pytestmark = pytest.mark.ros


def names_in_graph(listener):
    return [name for name in listener.node.get_node_names() if name != 'listener']


def test_a_destroyed_node_leaves_the_graph_although_it_is_held(graph, make_node, listener):
    node = make_node(autostart=False)
    assert names_in_graph(listener) == ['mmseg']
    graph.executor.remove_node(node)
    graph.nodes.remove(node)
    node.destroy_node()
    assert graph.spin_until(lambda: not names_in_graph(listener))


def test_a_node_that_rejects_its_parameters_leaves_the_graph(graph, make_node, listener):
    with pytest.raises(ConfigError) as raised:  # the error holds the node: nothing is collected
        make_node(sync__deadline_s='soon')
    assert graph.spin_until(lambda: not names_in_graph(listener)), raised
