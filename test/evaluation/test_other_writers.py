"""A recording that another library wrote, message by message, is scored like any other."""

import json

import numpy as np
import pytest
from mcap_ros2.writer import Writer as McapWriter
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from mmseg_ros import cli

HEIGHT, WIDTH = 32, 64
IMAGE = 'sensor_msgs/msg/Image'
START_NS = 1_700_000_000_000_000_000
STORE = get_typestore(Stores.ROS2_JAZZY)


def images():
    """Yield stamp, topic, encoding and pixels: a red and a green half, and their true classes."""
    colors = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colors[:, :20, 0] = colors[:, 20:, 1] = 200
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    truth[:, 20:] = 1
    for i in range(5):
        stamp_ns = START_NS + i * 100_000_000
        yield stamp_ns, '/rgb/image_raw', 'rgb8', colors
        yield stamp_ns, '/truth/labels', 'mono8', truth


def by_mcap_ros2(folder):
    folder.mkdir()
    with (folder / 'car_0.mcap').open('wb') as stream:
        writer = McapWriter(stream)
        definition, _ = STORE.generate_msgdef(IMAGE, ros_version=2)
        schema = writer.register_msgdef(IMAGE, definition)
        for stamp_ns, topic, encoding, pixels in images():
            sec, nanosec = divmod(stamp_ns, 10**9)
            message = {
                'header': {'stamp': {'sec': sec, 'nanosec': nanosec}, 'frame_id': 'cam'},
                'height': HEIGHT,
                'width': WIDTH,
                'encoding': encoding,
                'is_bigendian': 0,
                'step': pixels.nbytes // HEIGHT,
                'data': pixels.tobytes(),
            }
            writer.write_message(topic, schema, message, stamp_ns, stamp_ns)
        writer.finish()


def by_rosbags(folder, plugin):
    types = STORE.types
    with Writer(folder, version=8, storage_plugin=plugin) as writer:
        connections = {}
        for stamp_ns, topic, encoding, pixels in images():
            sec, nanosec = divmod(stamp_ns, 10**9)
            header = types['std_msgs/msg/Header'](
                types['builtin_interfaces/msg/Time'](sec, nanosec), 'cam'
            )
            step = pixels.nbytes // HEIGHT
            message = types[IMAGE](header, HEIGHT, WIDTH, encoding, 0, step, pixels.reshape(-1))
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, IMAGE, typestore=STORE)
            writer.write(connections[topic], stamp_ns, STORE.serialize_cdr(message, IMAGE))


@pytest.mark.parametrize(
    'write',
    [
        by_mcap_ros2,
        lambda folder: by_rosbags(folder, StoragePlugin.MCAP),
        lambda folder: by_rosbags(folder, StoragePlugin.SQLITE3),
    ],
    ids=['mcap-ros2-support', 'rosbags-mcap', 'rosbags-sqlite'],
)
def test_every_pixel_of_it_is_scored_and_right(write, make_bundle, tmp_path, capsys):
    write(tmp_path / 'car')
    bundle = make_bundle(('rgb',), HEIGHT, WIDTH).path
    words = ['evaluate', tmp_path / 'car', '--bundle', bundle, '--output', tmp_path / 'out']
    assert cli.main([str(word) for word in words]) == 0
    metrics = json.loads((tmp_path / 'out/metrics.json').read_text())
    has_checksums = write is by_mcap_ros2  # rosbags writes none into MCAP files, SQLite has none
    said = 'files of car have no checksums' in capsys.readouterr().out
    assert bool(metrics['bag']['doubts']) == said == (not has_checksums)
    total = metrics['recorded'][0]
    assert total['sets'] == 5
    assert total['pixels'] == 5 * HEIGHT * WIDTH
    assert total['pixel_accuracy'] == 1.0
