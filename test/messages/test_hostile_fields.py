"""Numbers in messages that no driver means: each is rejected by name or read within bounds."""

import contextlib
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmseg_ros import messages
from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import EventStream

HUGE = 2**32 - 1
NOW_S = 1_700_000_000


def header(sec=NOW_S, nanosec=0):
    return SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec), frame_id='sensor')


def field(name, offset, datatype=7, count=1):
    return SimpleNamespace(name=name, offset=offset, datatype=datatype, count=count)


def cloud(**changes):
    """Three points of x, y, z, with changed fields of the message."""
    fields = [field('x', 0), field('y', 4), field('z', 8)]
    first = changes.pop('x', None)
    values = {
        'height': 1, 'width': 3, 'point_step': 12, 'row_step': 36, 'is_bigendian': False,
        'is_dense': True, 'fields': [first, *fields[1:]] if first else fields,
        'data': np.zeros(36, np.uint8),
    }  # fmt: skip
    return SimpleNamespace(header=header(), **{**values, **changes})


@pytest.mark.parametrize(
    'changes',
    [
        {'point_step': 0},
        {'point_step': HUGE},
        {'point_step': 4},
        {'height': HUGE, 'row_step': HUGE},
        {'width': 2**31, 'point_step': 2**31, 'row_step': 0},
        {'height': 2, 'row_step': 0},
        {'height': 2, 'row_step': 12},
        {'x': field('x', 100)},
        {'x': field('x', HUGE)},
        {'x': field('x', 0, count=HUGE)},
        {'x': field('x', 0, datatype=0)},
        {'x': field('x', 0, datatype=99)},
        {'data': np.zeros(0, np.uint8)},
    ],
)
def test_clouds_whose_numbers_do_not_fit_are_rejected(changes):
    with pytest.raises(SampleError):
        messages.decode_cloud(cloud(**changes))


def events(times, kind, datatype, stamp=None):
    rows = np.zeros(len(times), [('x', '<u2'), ('y', '<u2'), ('p', 'u1'), ('t', kind)])
    rows['t'] = times
    fields = [field('x', 0, 4), field('y', 2, 4), field('p', 4, 2), field('t', 5, datatype)]
    return SimpleNamespace(
        header=stamp or header(), height=1, width=len(rows), point_step=rows.itemsize,
        row_step=rows.nbytes, is_bigendian=False, is_dense=True, fields=fields,
        data=np.frombuffer(rows.tobytes(), np.uint8),
    )  # fmt: skip


@pytest.mark.parametrize(
    'times',
    [
        [NOW_S + 0.03, NOW_S + 0.02, NOW_S + 0.01],
        [-1.7e9] * 3,
        [0.0] * 3,
        [0.0, 0.0, NOW_S],
        [1e300] * 3,
        [NOW_S * 1e6] * 3,
        [np.inf, NOW_S, NOW_S],
        [np.nan] * 3,
    ],
)
def test_events_come_out_in_order_whatever_their_times(times):
    """Or not at all."""
    try:
        read = EventStream(480, 640).decode(events(times, '<f8', 8))
    except SampleError:
        return
    assert len(read.x) <= len(times)
    assert (np.diff(read.stamp_ns) >= 0).all()


@pytest.mark.parametrize('times', [[HUGE, 0, 1], [300, 200, 100], [HUGE] * 3])
@pytest.mark.parametrize('sec', [-5, 0, 2**31 - 1])
def test_relative_event_times_wrap_without_leaving_64_bits(times, sec):
    read = EventStream(480, 640).decode(events(times, '<u4', 6, header(sec, 999_999_999)))
    assert (np.diff(read.stamp_ns) >= 0).all()
    assert abs(read.stamp_ns - sec * 10**9).max() < 5000 * 10**9


def packet(**changes):
    values = {
        'height': 720, 'width': 1280, 'seq': 0, 'time_base': 0, 'encoding': 'evt3',
        'is_bigendian': False, 'events': bytes(16),
    }  # fmt: skip
    return SimpleNamespace(header=header(), **{**values, **changes})


@pytest.mark.parametrize(
    'changes',
    [
        {'time_base': 2**64 - 1},
        {'seq': 2**64 - 1},
        {'encoding': 'mono', 'time_base': 2**64 - 1, 'events': b'\xff' * 32},
        {'events': b'abc'},
        {'is_bigendian': True},
        {'encoding': 'evt3\0'},
    ],
)
def test_packets_of_64_bits_cost_no_more_than_themselves(changes):
    stream = EventStream(720, 1280)
    with contextlib.suppress(SampleError):
        assert len(stream.decode(packet(**changes)).x) < 100
    assert len(stream.decode(packet()).x) == 0


def png(height=8, width=8, says=None):
    data = bytearray(cv2.imencode('.png', np.zeros((height, width, 3), np.uint8))[1].tobytes())
    if says:
        data[16:24] = struct.pack('>II', *says)
    return bytes(data)


def jpeg(says):
    data = bytearray(cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    place = data.index(b'\xff\xc0')
    data[place + 5 : place + 9] = struct.pack('>HH', *says)
    return bytes(data)


@pytest.mark.parametrize(
    'data',
    [
        png(says=(4000, 4000)),
        png(says=(0, 0)),
        png(says=(HUGE, HUGE)),
        jpeg((65500, 65500)),
        png()[:40],
        b'',
        b'BM' + b'\xff' * 60,
        b'P6 100000 100000 255\n' + bytes(60),
        b'RIFF\xff\xff\xff\xffWEBPVP8 ' + b'\xff' * 60,
        b'#?RADIANCE\n\n-Y 100000 +X 100000\n',
    ],
)
def test_compressed_images_with_a_lying_header_are_rejected(data):
    message = SimpleNamespace(header=header(), format='png', data=data)
    with pytest.raises(SampleError):
        messages.decode_compressed_image(message)


def camera_info(**changes):
    values = {
        'width': 640, 'height': 384, 'distortion_model': 'plumb_bob', 'd': [0.0] * 5,
        'k': [500.0, 0, 320, 0, 500, 192, 0, 0, 1], 'r': [1.0, 0, 0, 0, 1, 0, 0, 0, 1],
        'p': [500.0, 0, 320, 0, 0, 500, 192, 0, 0, 0, 1, 0], 'binning_x': 0, 'binning_y': 0,
        'roi': SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False),
    }  # fmt: skip
    return SimpleNamespace(header=header(), **{**values, **changes})


@pytest.mark.parametrize(
    'changes',
    [
        {'k': [np.nan] * 9},
        {'k': [0.0] * 9},
        {'k': [-5.0, 0, 320, 0, 500, 192, 0, 0, 1]},
        {'d': [np.nan] * 5},
        {'distortion_model': 'x\0'},
        {'binning_x': HUGE},
        {'width': 0, 'height': 0},
    ],
)
def test_camera_infos_that_no_camera_has_are_rejected(changes):
    messages.decode_camera_info(camera_info())
    with pytest.raises(SampleError):
        messages.decode_camera_info(camera_info(**changes))
