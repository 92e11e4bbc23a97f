"""The topic arguments of the launch files: their names are a contract, their topics the node's."""

from mmseg_ros.core.node_arguments import PARAMETERS, PLAIN, TOPICS


def test_topics_that_can_be_remapped():
    assert TOPICS == {
        'rgb_topic': 'rgb/image_raw',
        'rgb_info_topic': 'rgb/camera_info',
        'depth_topic': 'depth/image',
        'depth_info_topic': 'depth/camera_info',
        'event_topic': 'event/events',
        'event_info_topic': 'event/camera_info',
        'lidar_topic': 'lidar/points',
        'odom_topic': 'odom',
    }


def test_an_argument_has_one_meaning():
    names = [*PARAMETERS, *TOPICS, *PLAIN]
    assert len(names) == len(set(names))
