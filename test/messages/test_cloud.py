"""PointCloud2 layouts, read and written, byte for byte."""

import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import labelled_cloud
from mmseg_ros.messages import cloud_fields, decode_cloud

XYZI = [('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1), ('intensity', 12, 7, 1)]


def cloud_message(message, **changes):
    data = np.arange(24, dtype='<f4').tobytes()
    fields = {
        'height': 1,
        'width': 6,
        'fields': XYZI,
        'is_bigendian': False,
        'point_step': 16,
        'row_step': 96,
        'data': data,
        'is_dense': True,
    }
    return message(**{**fields, **changes})


def test_packed_cloud_is_a_view(message):
    msg = cloud_message(message)
    msg.data = bytearray(msg.data)
    cloud = decode_cloud(msg)
    np.testing.assert_array_equal(cloud.xyz()[1], [4, 5, 6])
    msg.data[0:4] = struct.pack('<f', 99)
    assert cloud.points['x'][0] == 99
    assert (cloud.height, cloud.width, cloud.point_stamp_ns) == (1, 6, None)


def test_big_endian_and_odd_types(message):
    fields = [('y', 1, 8, 1), ('x', 9, 3, 1), ('z', 11, 5, 1), ('ring', 15, 2, 1)]
    data = struct.pack('>xdhiBx', -2.5, -7, 100000, 9) * 3
    msg = cloud_message(message, fields=fields, point_step=17, row_step=51, width=3, data=data,
                        is_bigendian=True)  # fmt: skip
    cloud = decode_cloud(msg)
    np.testing.assert_array_equal(cloud.xyz(), [[-7, -2.5, 100000]] * 3)
    assert cloud.points['ring'].tolist() == [9, 9, 9]
    assert cloud.points['x'].dtype.isnative


def test_organised_cloud_with_padded_rows(message):
    rows = np.zeros((2, 60), np.uint8)
    rows[:, :48] = np.arange(24, dtype='<f4').reshape(2, 12).view(np.uint8)
    msg = cloud_message(message, height=2, width=3, row_step=60, data=rows.tobytes())
    cloud = decode_cloud(msg)
    np.testing.assert_array_equal(cloud.points['x'], [0, 4, 8, 12, 16, 20])
    assert (cloud.height, cloud.width) == (2, 3)


def test_counted_nameless_and_repeated_fields(message):
    fields = [('x', 0, 7, 1), ('y', 4, 7, 0), ('z', 8, 7, 1), ('', 12, 7, 1), ('x', 12, 7, 1)]
    cloud = decode_cloud(cloud_message(message, fields=fields))
    assert cloud.points.dtype.names == ('x', 'y', 'z')
    fields = [*XYZI[:3], ('normal', 4, 7, 3)]
    cloud = decode_cloud(cloud_message(message, fields=fields))
    np.testing.assert_array_equal(cloud.points['normal'][0], [1, 2, 3])


@pytest.mark.parametrize(
    ('name', 'kind', 'values', 'expected'),
    [
        ('t', 'u4', [0, 7], [10_000_000_005, 10_000_000_012]),
        ('time', 'f4', [0.0, -0.5], [10_000_000_005, 9_500_000_005]),
        ('offset_time', 'u4', [3, 4], [10_000_000_008, 10_000_000_009]),
    ],
)
def test_point_times(message, name, kind, values, expected):
    dtype = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'), (name, '<' + kind)])
    points = np.zeros(2, dtype)
    points[name] = values
    msg = message(**cloud_fields(points))
    np.testing.assert_array_equal(decode_cloud(msg).point_stamp_ns, np.array(expected, np.int64))


def test_written_bytes_are_exactly_those_of_the_fields():
    points = np.zeros(2, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('ring', '<u2')])
    points['x'], points['ring'] = [1.5, np.nan], [3, 4]
    cloud = CloudData(points, 1, 2)
    palette = np.zeros((256, 3), np.uint8)
    palette[7] = [0x11, 0x22, 0x33]
    labelled = labelled_cloud(cloud, np.uint8([7, 255]), np.float32([0.5, 0]), palette)
    fields = cloud_fields(labelled)
    expected = struct.pack('<fffHxxBxxxf4B', 1.5, 0, 0, 3, 7, 0.5, 0x33, 0x22, 0x11, 0)
    expected += struct.pack('<fffHxxBxxxf4B', np.nan, 0, 0, 4, 255, 0, 0, 0, 0, 0)
    assert fields['data'].tobytes() == expected
    assert fields['fields'] == [
        ('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1), ('ring', 12, 4, 1), ('label', 16, 2, 1),
        ('confidence', 20, 7, 1), ('rgb', 24, 7, 1),
    ]  # fmt: skip
    assert (fields['point_step'], fields['row_step'], fields['is_dense']) == (28, 56, False)


def test_organised_and_padded_clouds_are_written_as_they_are(message):
    dtype = np.dtype(
        {'names': ['x', 'y', 'z'], 'formats': ['<f4'] * 3, 'offsets': [0, 4, 8], 'itemsize': 16}
    )
    points = np.ones(6, dtype)
    fields = cloud_fields(points, height=2, width=3)
    assert (fields['point_step'], fields['row_step'], fields['is_dense']) == (16, 48, True)
    assert len(fields['data']) == 96
    np.testing.assert_array_equal(decode_cloud(message(**fields)).xyz(), np.ones((6, 3)))


def test_an_empty_cloud_is_written_and_read(message):
    points = np.zeros(0, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    assert len(decode_cloud(message(**cloud_fields(points))).points) == 0


def test_types_without_a_datatype_and_wrong_sizes_are_rejected():
    with pytest.raises(SampleError, match="'t' of type int64"):
        cloud_fields(np.zeros(2, [('x', '<f4'), ('t', '<i8')]))
    with pytest.raises(SampleError, match='do not fill'):
        cloud_fields(np.zeros(5, [('x', '<f4')]), height=2, width=3)


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'data': b'x' * 95}, '95 bytes'),
        ({'row_step': 90}, 'row_step 90'),
        ({'point_step': 8}, "'z' ends behind point_step 8"),
        ({'point_step': 0}, 'point_step 0'),
        ({'fields': []}, '0 named fields'),
        ({'fields': XYZI[:2]}, 'no field z'),
        ({'fields': [('x', 0, 9, 1)]}, 'datatype 9'),
        ({'width': 7, 'row_step': 112}, 'needs row_step >= 112'),
    ],
)
def test_broken_clouds_are_rejected(message, changes, named):
    with pytest.raises(SampleError, match=named):
        decode_cloud(cloud_message(message, **changes))


point_fields = st.builds(
    lambda name, offset, datatype, count: SimpleNamespace(
        name=name, offset=offset, datatype=datatype, count=count
    ),
    st.sampled_from(['x', 'y', 'z', 'intensity', 't', '']),
    st.integers(0, 40),
    st.integers(0, 9),
    st.integers(0, 3),
)


@settings(max_examples=100, deadline=None)
@given(
    fields=st.lists(point_fields, max_size=6),
    height=st.integers(0, 4),
    width=st.integers(0, 5),
    point_step=st.integers(0, 48),
    row_step=st.integers(0, 200),
    data=st.binary(max_size=600),
    big=st.booleans(),
)
def test_random_layouts_never_crash(fields, height, width, point_step, row_step, data, big):
    stamp = SimpleNamespace(sec=1, nanosec=2)
    msg = SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id=''), fields=fields, height=height,
        width=width, point_step=point_step, row_step=row_step, data=data, is_bigendian=big,
    )  # fmt: skip
    try:
        cloud = decode_cloud(msg)
    except SampleError:
        return
    assert len(cloud.points) == height * width
    assert cloud.xyz().shape == (height * width, 3)


@pytest.mark.parametrize('big', [False, True])
@pytest.mark.parametrize('signed', [False, True])
@pytest.mark.parametrize('unit_ns', [1, 1_000, 1_000_000])
def test_times_of_64_bits_deskew_and_are_not_passed_on(message, big, signed, unit_ns):
    """PCL writes datatypes 9 and 10, which sensor_msgs lacks."""
    order = '>' if big else '<'
    kinds = [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('timestamp', 'i8' if signed else 'u8'),
             ('id', 'u8')]  # fmt: skip
    points = np.zeros(100, [(name, order + kind) for name, kind in kinds])
    points['x'] = np.arange(100)
    start_ns = 1_700_000_000 * 10**9
    expected = start_ns + np.arange(100) * 1_000_000
    points['timestamp'] = expected // unit_ns
    fields = [('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1),
              ('timestamp', 12, 9 if signed else 10, 1), ('id', 20, 10, 1)]  # fmt: skip
    msg = cloud_message(message, fields=fields, point_step=28, row_step=2800, width=100,
                        data=points.tobytes(), is_bigendian=big)  # fmt: skip
    msg.header.stamp.sec, msg.header.stamp.nanosec = 1_700_000_000, 0
    cloud = decode_cloud(msg)
    assert cloud.points.dtype.names == ('x', 'y', 'z')
    assert np.abs(cloud.point_stamp_ns - expected).max() < 1000
    assert cloud.xyz()[7].tolist() == [7, 0, 0]
    assert len(cloud_fields(cloud)['fields']) == 3


@pytest.mark.parametrize('sizes', [{'width': -1}, {'height': -1, 'width': -6}, {'row_step': -96}])
def test_negative_sizes_are_rejected(message, sizes):
    with pytest.raises(SampleError, match='none may be negative'):
        decode_cloud(cloud_message(message, **sizes))
