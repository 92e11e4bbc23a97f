"""Messages of absurd size are rejected by name, before anything of their size is made."""

import struct
import tracemalloc
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmseg_ros.core import limits as module
from mmseg_ros.core.errors import CalibrationError, SampleError
from mmseg_ros.core.limits import LimitsConfig, limits, size_fault, use_limits
from mmseg_ros.messages import (
    EventStream,
    cloud_fields,
    decode_camera_info,
    decode_cloud,
    decode_compressed_image,
    decode_depth,
    decode_image,
)
from mmseg_ros.messages.compressed_depth import decode_compressed_depth
from mmseg_ros.messages.image_header import stored_size
from mmseg_ros.messages.livox import decode_livox
from mmseg_ros.projection import CameraModel


@pytest.fixture
def tight():
    before = limits()
    use_limits(
        LimitsConfig(image_pixels=2000, cloud_points=10, window_events=9, message_bytes=9500)
    )
    yield
    use_limits(before)


def png_header(width, height):
    def chunk(kind, data):
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    ihdr = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    return (
        b'\x89PNG\r\n\x1a\n'
        + ihdr
        + chunk(b'IDAT', zlib.compress(bytes(99)))
        + chunk(b'IEND', b'')
    )


@pytest.mark.parametrize('extension', ['.png', '.jpg', '.tiff', '.bmp', '.webp'])
@pytest.mark.parametrize('channels', [1, 3])
def test_the_size_stands_in_every_header(extension, channels):
    pixels = np.random.default_rng(0).integers(0, 255, (37, 53, channels), dtype=np.uint8)
    for flags in ([], [cv2.IMWRITE_WEBP_QUALITY, 101]) if extension == '.webp' else ([],):
        data = cv2.imencode(extension, pixels, flags)[1].tobytes()
        assert stored_size(data) == (53, 37)
        for cut in range(len(data)):
            assert stored_size(data[:cut]) in (None, (53, 37))


def test_a_thumbnail_before_the_size_of_a_jpeg_is_passed_over():
    data = cv2.imencode('.jpg', np.zeros((37, 53, 3), np.uint8))[1].tobytes()
    thumbnail = cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    segment = b'\xff\xe1' + struct.pack('>H', len(thumbnail) + 2) + thumbnail
    assert stored_size(data[:2] + segment * 200 + data[2:]) == (53, 37)


@pytest.mark.parametrize('size', [(12000, 12000), (2**31 - 1, 2**31 - 1), (40000, 2)])
def test_pixels_of_a_bomb_are_never_made(message, size):
    msg = message(format='png', data=png_header(*size))
    tracemalloc.start()
    for decode in (decode_compressed_image, decode_compressed_depth):
        with pytest.raises(SampleError, match=r'\d+ x \d+ pixels .* (limit|side)'):
            decode(msg)
    rvl = message(format='16UC1; compressedDepth rvl', data=bytes(12) + struct.pack('<ii', *size))
    with pytest.raises(SampleError, match='pixels'):
        decode_compressed_depth(rvl)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_kinds_of_files_without_a_known_header_are_not_decoded(message):
    for data in (b'P6 4 4 255 ' + bytes(48), b'GIF89a' + bytes(40), b'', b'\xff\xd8', b'x'):
        with pytest.raises(SampleError, match='readable'):
            decode_compressed_image(message(format='', data=data))


@pytest.mark.parametrize('encoding', ['rgb8', 'mono8', 'bayer_rggb8', 'nv12', 'i420', '16UC1'])
def test_images_above_the_limit_are_rejected_by_name(message, tight, encoding):
    msg = message(
        encoding=encoding,
        height=50,
        width=42,
        step=126,
        is_bigendian=0,
        data=bytes(126 * 75),
    )
    with pytest.raises(SampleError, match=r'42 x 50 pixels .* limits\.image_pixels'):
        decode_image(msg)
    if encoding == '16UC1':
        with pytest.raises(SampleError, match='image_pixels'):
            decode_depth(msg)


@pytest.mark.parametrize('side', [14_000, 65_535, 2**32 - 1])
def test_cameras_above_the_limit_are_rejected_by_name(message, side):
    K = [500.0, 0, 320, 0, 500, 240, 0, 0, 1]
    msg = message(
        width=side, height=side, distortion_model='', d=[], k=K, r=[0.0] * 9, p=[0.0] * 12,
        roi=None, binning_x=0, binning_y=0,
    )  # fmt: skip
    with pytest.raises(SampleError, match=r'limits\.image_pixels'):
        decode_camera_info(msg)
    with pytest.raises(CalibrationError, match=r'limits\.image_pixels'):
        CameraModel.from_fov(640, 480, 70).resized(side, side)


def test_8k_is_taken_and_the_limit_is_a_parameter():
    assert not size_fault(7680, 4320)
    assert size_fault(8192, 8192)
    assert size_fault(32_767, 1)
    use_limits(LimitsConfig(image_pixels=100_000_000))
    try:
        assert not size_fault(8192, 8192)
    finally:
        use_limits(LimitsConfig())
    assert module.limits() == LimitsConfig()


def test_clouds_above_the_limits_are_rejected_by_name(message, tight):
    points = np.zeros(11, [(name, '<f4') for name in 'xyz'])
    with pytest.raises(SampleError, match=r'11 are more than .* limits\.cloud_points'):
        decode_cloud(message(**cloud_fields(points)))
    wide = np.zeros(10, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('rest', 'u1', 960)])
    with pytest.raises(SampleError, match=r'9720 are more than .* limits\.message_bytes'):
        decode_cloud(message(**cloud_fields(wide)))
    with pytest.raises(SampleError, match=r'limits\.cloud_points'):
        decode_livox(message(points=[SimpleNamespace()] * 11, timebase=0))
    huge = message(**{**cloud_fields(points), 'height': 2**31, 'width': 2**31})
    with pytest.raises(SampleError, match=r'limits\.cloud_points'):
        decode_cloud(huge)


@pytest.mark.parametrize(
    ('encoding', 'events'),
    [
        ('evt3', struct.pack('<5H', 0x8001, 0x6001, 0x0001, 0x3001, 0x4FFF)),
        ('libcaer_cmp', struct.pack('<4H', 0x2001, 0x4001, 0x50FF, 0x50FF)),
        ('mono', bytes(80)),
        ('libcaer', bytes(80)),
        ('evt2', bytes(40)),
    ],
)
def test_event_packets_above_the_limit_are_rejected_by_name(message, tight, encoding, events):
    msg = message(
        seq=0, time_base=0, encoding=encoding, is_bigendian=False, events=events, height=9, width=9
    )
    with pytest.raises(SampleError, match=r'1\d are more than .* limits\.window_events'):
        EventStream(9, 9).decode(msg)


def test_event_clouds_and_arrays_above_the_limit_are_rejected_by_name(message, tight):
    points = np.zeros(10, [('x', '<u2'), ('y', '<u2'), ('p', 'u1')])
    with pytest.raises(SampleError, match=r'limits\.window_events'):
        EventStream(9, 9).decode(message(**cloud_fields(points)))
    with pytest.raises(SampleError, match=r'limits\.window_events'):
        EventStream(9, 9).decode(message(events=[SimpleNamespace()] * 10))
