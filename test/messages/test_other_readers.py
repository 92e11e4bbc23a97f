"""Our messages as others read them: rosbags, mcap-ros2-support, sensor_msgs_py, cv_bridge."""

from array import array
from io import BytesIO

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from mcap_ros2.writer import Writer
from rosbags.typesys import Stores, get_typestore

from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import labelled_cloud
from mmseg_ros.messages import cloud_fields, decode_cloud, decode_image, image_fields

STORE = get_typestore(Stores.ROS2_JAZZY)
CLOUD, FIELD = 'sensor_msgs/msg/PointCloud2', 'sensor_msgs/msg/PointField'
PALETTE = np.arange(768, dtype=np.uint8).reshape(256, 3)


def labelled(height, width):
    n = height * width
    rng = np.random.default_rng(n)
    points = np.zeros(n, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('ring', '<u2'), ('t', '<f8')])
    for name in 'xyz':
        points[name] = rng.normal(size=n)
    points['x'][::3] = np.nan
    points['ring'], points['t'] = rng.integers(0, 64, n), rng.random(n)
    labels = rng.integers(0, 25, n).astype(np.uint8)
    merged = labelled_cloud(
        CloudData(points, height, width), labels, rng.random(n).astype(np.float32), PALETTE
    )
    return merged, cloud_fields(merged, height, width)


def rosbags_message(fields):
    types = STORE.types
    stamp = types['builtin_interfaces/msg/Time'](1, 2)
    header = types['std_msgs/msg/Header'](stamp, 'lidar')
    members = {**fields, 'fields': [types[FIELD](*field) for field in fields['fields']]}
    return types[CLOUD](header=header, **members)


@pytest.mark.parametrize(('height', 'width'), [(1, 7), (4, 5)])
def test_rosbags_reads_the_same_points(height, width):
    points, fields = labelled(height, width)
    raw = STORE.serialize_cdr(rosbags_message(fields), CLOUD)
    cloud = decode_cloud(STORE.deserialize_cdr(raw, CLOUD))
    assert cloud.points.tobytes() == points.tobytes()
    assert (cloud.height, cloud.width) == (height, width)


def test_mcap_ros2_support_reads_the_same_points():
    points, fields = labelled(3, 6)
    definition, _ = STORE.generate_msgdef(CLOUD, ros_version=2)
    file = BytesIO()
    writer = Writer(file)
    schema = writer.register_msgdef(CLOUD, definition)
    names = ('name', 'offset', 'datatype', 'count')
    members = {
        **fields,
        'header': {'stamp': {'sec': 1, 'nanosec': 2}, 'frame_id': 'lidar'},
        'fields': [dict(zip(names, field, strict=True)) for field in fields['fields']],
        'data': fields['data'].tobytes(),
    }
    writer.write_message('/points', schema, members)
    writer.finish()
    file.seek(0)
    reader = make_reader(file, decoder_factories=[DecoderFactory()])
    (message,) = (item.decoded_message for item in reader.iter_decoded_messages())
    cloud = decode_cloud(message)
    assert cloud.points.tobytes() == points.tobytes()
    # Straight from the bytes, without our decoder: the color of the third point.
    offset = 2 * message.point_step + next(f.offset for f in message.fields if f.name == 'rgb')
    label = points['label'][2]
    assert bytes(message.data[offset : offset + 4]) == bytes([*PALETTE[label][::-1], 0])


@pytest.mark.parametrize(('height', 'width'), [(1, 9), (3, 4)])
def test_sensor_msgs_py_reads_and_writes_the_same_bytes(height, width):
    theirs = pytest.importorskip('sensor_msgs_py.point_cloud2')
    ros = pytest.importorskip('sensor_msgs.msg')
    points, fields = labelled(height, width)
    members = {name: value for name, value in fields.items() if name not in ('fields', 'data')}
    ros_fields = [
        ros.PointField(name=name, offset=offset, datatype=kind, count=count)
        for name, offset, kind, count in fields['fields']
    ]
    message = ros.PointCloud2(fields=ros_fields, data=array('B', fields['data'].tobytes()))
    for name, value in members.items():
        setattr(message, name, value)
    read = theirs.read_points(message, reshape_organized_cloud=False)
    for name in points.dtype.names:
        np.testing.assert_array_equal(read[name], points[name])
        np.testing.assert_array_equal(decode_cloud(message).points[name], read[name])
    written = theirs.create_cloud(message.header, ros_fields, points.reshape(height, width))
    assert bytes(written.data) == bytes(fields['data'])
    assert written.point_step == fields['point_step']


@pytest.mark.parametrize('encoding', ['rgb8', 'mono8', 'mono16', '32FC1'])
def test_cv_bridge_gives_the_same_pixels(encoding, message):
    bridge = pytest.importorskip('cv_bridge').CvBridge()
    kind = {'rgb8': 'u1', 'mono8': 'u1', 'mono16': 'u2', '32FC1': 'f4'}[encoding]
    shape = (6, 8, 3) if encoding == 'rgb8' else (6, 8)
    pixels = np.random.default_rng(0).integers(0, 200, shape).astype(kind)
    msg = message(**image_fields(pixels, encoding))
    np.testing.assert_array_equal(
        bridge.imgmsg_to_cv2(msg, 'passthrough'), decode_image(msg).pixels
    )
