"""Every shipped bundle runs in the live node, with all sensors and with the camera alone."""

import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image

from mmseg_ros.commands.leaderboard import segmentation_bundles
from mmseg_ros.core.resources import bundle_directory
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.messages import decode_image

LABELS, USED = '/mmseg/labels', '/mmseg/modalities'
ALL = ('rgb', 'depth', 'event', 'lidar')


def used(message):
    """Return the sensors of one result."""
    return tuple(
        status.name
        for status in message.status
        if any(v.key == 'available' and v.value == 'true' for v in status.values)
    )


@pytest.mark.parametrize('name', segmentation_bundles())
@pytest.mark.parametrize('given', [ALL, ('rgb',)], ids=lambda names: '+'.join(names))
def test_bundle_labels_the_camera_image(make_node, sensors, listener, name, given):
    node = make_node(bundle=name, model__subset_graphs='none')
    assert node.state_label == 'active'
    listener.listen(Image, LABELS)
    listener.listen(DiagnosticArray, USED)
    messages, results = listener.messages[LABELS], listener.messages[USED]

    def complete():
        return len(messages) >= 3 and any(used(result) == given for result in results)

    assert sensors.play_until(given, complete, 120.0)
    classes = load_bundle(bundle_directory(name)).manifest.label_space.num_classes
    for message in messages:
        assert (message.height, message.width) == (sensors.HEIGHT, sensors.WIDTH)
        labels = decode_image(message).pixels
        assert ((labels < classes) | (labels == 255)).all()
