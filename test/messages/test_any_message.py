"""Whatever a message holds, decoding it raises nothing but the project's own errors."""

import struct
from types import SimpleNamespace

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.modalities import KINDS
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData
from mmseg_ros.messages.event_stream import PACKET_ENCODINGS
from mmseg_ros.messages.image_encodings import BAYER, SUPPORTED_ENCODINGS
from mmseg_ros.messages.sensor_decoder import SensorDecoder

PROFILE = settings(max_examples=150, deadline=None)
SIZES = st.integers(-1, 9) | st.sampled_from([2**31, 2**32 - 1])
NUMBERS = st.integers(-5, 300) | st.sampled_from([2**31, 2**63 - 1])
HEADER = st.builds(
    lambda sec, nanosec, frame: SimpleNamespace(
        stamp=SimpleNamespace(sec=sec, nanosec=nanosec), frame_id=frame
    ),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from(['', 'lidar', '/a b']),
)
FLOATS = st.floats(width=32) | st.sampled_from([0.0, 1e30, float('nan')])


def decode(kind, type_name, message, expects=True):
    """Decode a message; what comes out has the shape that its payload promises."""
    payload, reason = None, ''
    try:
        payload = SensorDecoder(kind).payload(type_name, message)
    except MmsegError as error:
        reason = str(error)
    if payload is None:
        # What nobody foresaw is caught too, but named with its Python type.
        assert not (expects and reason.startswith('Cannot decode')), reason
        return
    assert isinstance(payload, (CloudData, DepthData, EventData, ImageData))
    if isinstance(payload, CloudData):
        assert len(payload.points) == payload.height * payload.width
        if payload.point_stamp_ns is not None:
            assert len(payload.point_stamp_ns) == len(payload.points)
    if isinstance(payload, EventData):
        assert (np.diff(payload.stamp_ns) >= 0).all()
        assert (payload.x < payload.width).all()
        assert (payload.y < payload.height).all()
    if isinstance(payload, ImageData) and payload.pixels.ndim == 3:
        assert payload.pixels.shape[2] == 3
        assert payload.pixels.dtype == np.uint8


@PROFILE
@given(
    kind=st.sampled_from(['rgb', 'depth', 'image', 'event']),
    header=HEADER, height=SIZES, width=SIZES, step=NUMBERS,
    encoding=st.sampled_from([*SUPPORTED_ENCODINGS, '64FC1', '16SC1', 'nv24', '']),
    order=st.integers(0, 2), data=st.binary(max_size=300),
)  # fmt: skip
def test_images(kind, header, height, width, step, encoding, order, data):
    message = SimpleNamespace(
        header=header, height=height, width=width, step=step, encoding=encoding,
        is_bigendian=order, data=data,
    )  # fmt: skip
    decode(kind, 'sensor_msgs/msg/Image', message)


@PROFILE
@given(
    header=HEADER, rows=st.integers(1, 9), columns=st.integers(1, 9), padding=st.integers(0, 5),
    encoding=st.sampled_from(SUPPORTED_ENCODINGS), order=st.integers(0, 1), cut=st.integers(0, 9),
)  # fmt: skip
def test_images_whose_size_fits(header, rows, columns, padding, encoding, order, cut):
    step = columns * 8 + padding
    data = np.arange(step * rows * 2, dtype=np.uint8).tobytes()
    message = SimpleNamespace(
        header=header, height=rows, width=columns, step=step, encoding=encoding,
        is_bigendian=order, data=data[: len(data) - cut],
    )  # fmt: skip
    for kind in ('rgb', 'depth'):
        decode(kind, 'sensor_msgs/msg/Image', message)


FILES = [
    cv2.imencode(extension, pixels)[1].tobytes()
    for extension, pixels in (
        ('.png', np.zeros((3, 4), np.uint16)), ('.png', np.zeros((3, 4, 4), np.uint8)),
        ('.jpg', np.zeros((3, 4, 3), np.uint8)), ('.jpg', np.zeros((1, 1), np.uint8)),
        ('.tiff', np.zeros((3, 4), np.float32)), ('.tiff', np.zeros((3, 4), np.float64)),
    )
]  # fmt: skip
FORMATS = st.builds(
    lambda original, codec, stored: f'{original}; {codec} {stored}',
    st.sampled_from(['16UC1', '32FC1', 'rgb8', 'bgr16', 'mono8', *BAYER, '']),
    st.sampled_from(['jpeg compressed', 'png compressed', 'compressedDepth png',
                     'compressedDepth rvl', 'compressedDepth', '']),
    st.sampled_from(['', 'bgr8', 'rgb8', 'mono8', 'bayer_rggb8']),
)  # fmt: skip


@PROFILE
@given(
    kind=st.sampled_from(['rgb', 'depth', 'image']), header=HEADER,
    text=FORMATS | st.text(max_size=12), quantization=st.tuples(FLOATS, FLOATS),
    file=st.sampled_from(FILES) | st.binary(max_size=60), cut=st.integers(0, 40),
    with_header=st.booleans(),
)  # fmt: skip
def test_compressed_images(kind, header, text, quantization, file, cut, with_header):
    begin = struct.pack('<iff', 0, *quantization) if with_header else b''
    message = SimpleNamespace(header=header, format=text, data=(begin + file)[: 200 - cut])
    decode(kind, 'sensor_msgs/msg/CompressedImage', message)


FIELD = st.builds(
    lambda name, offset, datatype, count: SimpleNamespace(
        name=name, offset=offset, datatype=datatype, count=count
    ),
    st.sampled_from(['x', 'y', 'z', 'intensity', 't', 'timestamp', 'time', 'p', 'ring', '']),
    st.integers(-1, 20) | st.just(2**32 - 1),
    st.integers(0, 12),
    st.integers(0, 3) | st.just(2**31),
)
XYZ = [SimpleNamespace(name=n, offset=4 * i, datatype=7, count=1) for i, n in enumerate('xyz')]


@PROFILE
@given(
    kind=st.sampled_from(['lidar', 'event']), header=HEADER, height=SIZES, width=SIZES,
    fields=st.lists(FIELD, max_size=6), with_xyz=st.booleans(), big=st.booleans(),
    point_step=NUMBERS, row_step=NUMBERS, data=st.binary(max_size=300),
)  # fmt: skip
def test_clouds(kind, header, height, width, fields, with_xyz, big, point_step, row_step, data):
    message = SimpleNamespace(
        header=header, height=height, width=width, fields=XYZ * with_xyz + fields,
        is_bigendian=big, point_step=point_step, row_step=row_step, data=data, is_dense=False,
    )  # fmt: skip
    decode(kind, 'sensor_msgs/msg/PointCloud2', message)


@PROFILE
@given(
    header=HEADER, count=st.integers(1, 30), padding=st.integers(0, 7), big=st.booleans(),
    extra=FIELD, seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 3),
)  # fmt: skip
def test_clouds_whose_size_fits(header, count, padding, big, extra, seed, rows):
    step = 24 + padding
    content = np.random.default_rng(seed).bytes(rows * (count * step + padding))
    message = SimpleNamespace(
        header=header, height=rows, width=count, fields=[*XYZ, extra], is_bigendian=big,
        point_step=step, row_step=count * step + padding, data=content, is_dense=False,
    )  # fmt: skip
    decode('lidar', 'sensor_msgs/msg/PointCloud2', message)


@PROFILE
@given(
    header=HEADER, height=SIZES, width=SIZES, seq=NUMBERS, base=NUMBERS, big=st.booleans(),
    encoding=st.sampled_from([*PACKET_ENCODINGS, 'h264', '']), data=st.binary(max_size=200),
)  # fmt: skip
def test_event_packets(header, height, width, seq, base, big, encoding, data):
    message = SimpleNamespace(
        header=header, height=height, width=width, seq=seq, time_base=base, encoding=encoding,
        is_bigendian=big, events=data,
    )  # fmt: skip
    decode('event', 'event_camera_msgs/msg/EventPacket', message)
    message.events = data[: len(data) // 8 * 8]
    message.is_bigendian, message.height, message.width = False, 480, 640
    decode('event', 'event_camera_msgs/msg/EventPacket', message)


POINT = st.builds(
    lambda x, y, z, time, small: SimpleNamespace(
        x=x, y=y, z=z, offset_time=time, reflectivity=small, tag=small, line=small
    ),
    FLOATS, FLOATS, FLOATS, NUMBERS, st.integers(-1, 256),
)  # fmt: skip


@PROFILE
@given(header=HEADER, base=NUMBERS, points=st.lists(POINT, max_size=5))
def test_livox_messages(header, base, points):
    message = SimpleNamespace(header=header, timebase=base, points=points)
    decode('lidar', 'livox_ros_driver2/msg/CustomMsg', message)


EVENT = st.builds(
    lambda x, y, sec, polarity: SimpleNamespace(
        x=x, y=y, ts=SimpleNamespace(sec=sec, nanosec=0), polarity=polarity
    ),
    NUMBERS, NUMBERS, NUMBERS, st.booleans() | st.integers(0, 3),
)  # fmt: skip


@PROFILE
@given(header=HEADER, height=SIZES, width=SIZES, events=st.lists(EVENT, max_size=5))
def test_event_arrays(header, height, width, events):
    message = SimpleNamespace(header=header, height=height, width=width, events=events)
    decode('event', 'dvs_msgs/msg/EventArray', message)


@PROFILE
@given(
    kind=st.sampled_from(list(KINDS)),
    members=st.dictionaries(
        st.sampled_from(['header', 'data', 'height', 'width', 'fields', 'events', 'points',
                         'encoding', 'format', 'time_base', 'point_step']),
        st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    ),
)  # fmt: skip
def test_members_of_any_type(kind, members):
    for _, type_name in KINDS[kind].transports:
        decode(kind, type_name, SimpleNamespace(**members), expects=False)
