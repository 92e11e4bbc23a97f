"""Image encodings, byte for byte."""

import array

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import (
    decode_compressed_image,
    decode_depth,
    decode_image,
    image_fields,
)
from mmseg_ros.messages.image import SUPPORTED_ENCODINGS

RGB = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def raw(message, kind, pixels, **changes):
    rows = np.ascontiguousarray(pixels)
    fields = {
        'encoding': kind,
        'height': rows.shape[0],
        'width': rows.shape[1],
        'step': rows.strides[0],
        'is_bigendian': 0,
        'data': rows.tobytes(),
    }
    return message(**{**fields, **changes})


@pytest.mark.parametrize(
    ('encoding', 'pixels'),
    [
        ('rgb8', RGB),
        ('bgr8', RGB[..., ::-1]),
        ('8UC3', RGB[..., ::-1]),
        ('rgba8', np.dstack([RGB, RGB[..., :1]])),
        ('bgra8', np.dstack([RGB[..., ::-1], RGB[..., :1]])),
        ('8UC4', np.dstack([RGB[..., ::-1], RGB[..., :1]])),
    ],
)
def test_color_comes_out_as_rgb(message, encoding, pixels):
    np.testing.assert_array_equal(decode_image(raw(message, encoding, pixels)).pixels, RGB)


@pytest.mark.parametrize(
    ('encoding', 'dtype'),
    [('mono8', 'u1'), ('8UC1', 'u1'), ('mono16', 'u2'), ('16UC1', 'u2'), ('32FC1', 'f4')],
)
@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('container', [bytes, lambda b: array.array('B', b), bytearray,
                                       lambda b: np.frombuffer(b, np.uint8)])  # fmt: skip
def test_single_channels_in_any_order_and_container(message, encoding, dtype, order, container):
    pixels = np.arange(48).reshape(6, 8).astype(dtype)
    data = container(pixels.astype(order + dtype).tobytes())
    msg = raw(message, encoding, pixels, data=data, is_bigendian=int(order == '>'))
    decoded = decode_image(msg).pixels
    np.testing.assert_array_equal(decoded, pixels)
    assert decoded.dtype.isnative


@pytest.mark.parametrize('encoding', ['RGB8', 'Rgb8', ' rgb8', 'rgb8 '])
def test_the_spelling_of_an_encoding_does_not_matter(message, encoding):
    np.testing.assert_array_equal(decode_image(raw(message, encoding, RGB)).pixels, RGB)


@pytest.mark.parametrize(
    ('encoding', 'dtype'), [('MONO8', 'u1'), ('MONO16', 'u2'), ('16uc1', 'u2'), ('32fc1', 'f4')]
)
def test_capitals_of_gray_images(message, encoding, dtype):
    pixels = np.arange(48).reshape(6, 8).astype(dtype)
    np.testing.assert_array_equal(decode_image(raw(message, encoding, pixels)).pixels, pixels)


def test_capitals_of_mosaics_and_yuv(message):
    flat = np.full((8, 8), 90, np.uint8)
    for encoding in ('BAYER_RGGB8', 'NV12', 'I420'):
        rows = 12 if encoding in ('NV12', 'I420') else 8
        data = np.full((rows, 8), 128, np.uint8).tobytes()
        named = decode_image(raw(message, encoding, flat, data=data)).pixels
        plain = decode_image(raw(message, encoding.lower(), flat, data=data)).pixels
        np.testing.assert_array_equal(named, plain)


@pytest.mark.parametrize('order', ['<', '>'])
def test_depth_of_64_bits_is_in_meters(message, order):
    meters = np.array([[0.0, np.inf], [-2.0, 3.25]])
    data = meters.astype(order + 'f8').tobytes()
    for encoding in ('64FC1', '64fc1'):
        msg = raw(message, encoding, meters, data=data, is_bigendian=int(order == '>'))
        depth = decode_depth(msg).depth_m
        np.testing.assert_array_equal(depth, np.float32([[np.nan, np.nan], [np.nan, 3.25]]))
    with pytest.raises(SampleError, match="Unknown image encoding '64FC1'; supported: mono8"):
        decode_image(raw(message, '64FC1', meters))


@pytest.mark.filterwarnings('error')
def test_depth_that_no_float_holds_is_not_measured(message):
    meters = np.array([[1e300, np.nan, 2.0]])
    depth = decode_depth(raw(message, '64FC1', meters)).depth_m
    np.testing.assert_array_equal(depth, np.float32([[np.nan, np.nan, 2.0]]))


def test_capitals_of_depth(message):
    mm = np.array([[0, 1500]], np.uint16)
    for encoding in ('MONO16', '16uc1'):
        np.testing.assert_array_equal(
            decode_depth(raw(message, encoding, mm)).depth_m, np.float32([[np.nan, 1.5]])
        )


def test_plain_formats_are_views(message):
    data = bytearray(RGB.tobytes())
    decoded = decode_image(raw(message, 'rgb8', RGB, data=data)).pixels
    data[0] ^= 0xFF
    assert decoded[0, 0, 0] == data[0]


def test_row_padding_is_skipped(message):
    padded = np.zeros((6, 40), np.uint8)
    padded[:, :24] = RGB.reshape(6, 24)
    msg = raw(message, 'rgb8', RGB, step=40, data=padded.tobytes())
    np.testing.assert_array_equal(decode_image(msg).pixels, RGB)
    msg.data = msg.data[:-16]  # the padding of the last row may be missing
    np.testing.assert_array_equal(decode_image(msg).pixels, RGB)


@pytest.mark.parametrize(('encoding', 'dtype'), [('mono16', '<u2'), ('32FC1', '<f4')])
def test_rows_may_begin_within_a_number(message, encoding, dtype):
    values = np.arange(1, 13).astype(dtype).reshape(3, 4)
    step = values.strides[0] + 1
    data = b''.join(row.tobytes() + b'-' for row in values)
    pixels = decode_image(raw(message, encoding, values, step=step, data=data)).pixels
    np.testing.assert_array_equal(pixels, values)
    assert cv2.resize(pixels, (2, 2)).shape == (2, 2)  # OpenCV takes it


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_bayer_recovers_a_flat_color(message, pattern):
    color = {'r': 200, 'g': 120, 'b': 40}
    tile = np.array([color[c] for c in pattern], np.uint8).reshape(2, 2)
    pixels = decode_image(raw(message, f'bayer_{pattern}8', np.tile(tile, (4, 4)))).pixels
    np.testing.assert_array_equal(pixels[3, 3], [200, 120, 40])


@pytest.mark.parametrize(
    ('encoding', 'order'),
    [('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv'), ('yuv422', 'uyvy'), ('uyvy', 'uyvy')],
)
def test_yuv422_recovers_a_flat_color(message, encoding, order):
    y, u, v = 132, 81, 169  # BT.601 of RGB 200, 120, 40
    values = {'yuyv': [y, u, y, v], 'uyvy': [u, y, v, y]}[order]
    data = np.tile(np.uint8(values), (4, 4))
    msg = raw(message, encoding, np.zeros((4, 8), np.uint8), step=16, data=data.tobytes())
    pixel = decode_image(msg).pixels[2, 4]
    assert np.abs(pixel.astype(int) - [200, 120, 40]).max() <= 3


def test_nv12_has_one_and_a_half_planes(message):
    data = np.full((9, 8), 128, np.uint8)
    data[:6] = 77
    msg = raw(message, 'nv12', np.zeros((6, 8), np.uint8), data=data.tobytes())
    pixels = decode_image(msg).pixels
    assert pixels.shape == (6, 8, 3)
    assert np.ptp(pixels) == 0
    msg.data = msg.data[:60]
    with pytest.raises(SampleError, match='nv12'):
        decode_image(msg)


@pytest.mark.parametrize('extension', ['.png', '.jpg'])
def test_compressed_images(message, extension):
    flat = np.full((16, 16, 3), [10, 120, 240], np.uint8)
    data = cv2.imencode(extension, flat[..., ::-1])[1].tobytes()
    pixels = decode_compressed_image(message(format=extension, data=data)).pixels
    assert np.abs(pixels.astype(int) - flat).max() <= 3
    with pytest.raises(SampleError, match=r'CompressedImage.*not a readable'):
        decode_compressed_image(message(format='jpeg', data=b'nonsense'))
    with pytest.raises(SampleError, match='CompressedImage'):
        decode_compressed_image(message(format='jpeg', data=b''))


def test_depth_in_millimetres_and_metres(message):
    mm = np.array([[0, 1500], [65535, 1]], np.uint16)
    depth = decode_depth(raw(message, '16UC1', mm)).depth_m
    np.testing.assert_array_equal(depth, np.float32([[np.nan, 1.5], [65.535, 0.001]]))
    metres = np.array([[0.0, np.inf], [-2.0, 3.25]], np.float32)
    depth = decode_depth(raw(message, '32FC1', metres)).depth_m
    np.testing.assert_array_equal(depth, np.float32([[np.nan, np.nan], [np.nan, 3.25]]))
    with pytest.raises(SampleError, match='16UC1, mono16, 32FC1'):
        decode_depth(raw(message, 'rgb8', RGB))


@pytest.mark.parametrize(
    ('encoding', 'pixels'),
    [('rgb8', RGB), ('mono8', RGB[..., 0]), ('mono16', RGB[..., 0].astype('u2')),
     ('32FC1', RGB[..., 0].astype('f4'))],
)  # fmt: skip
def test_written_images_are_read_back(message, encoding, pixels):
    fields = image_fields(pixels, encoding)
    assert fields['step'] * fields['height'] == len(fields['data'])
    assert fields['data'].dtype == np.uint8
    np.testing.assert_array_equal(decode_image(message(**fields)).pixels, pixels)


def test_pixels_that_do_not_fit_the_encoding_are_rejected():
    for pixels, encoding in [(RGB, 'mono8'), (RGB.astype('f4'), 'rgb8'), (RGB, 'jpeg')]:
        with pytest.raises(SampleError, match='supported: mono8'):
            image_fields(pixels, encoding)


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'encoding': 'h264'}, "'h264'; supported: mono8"),
        ({'step': 3}, 'step >= 24'),
        ({'data': b''}, '0 bytes'),
        ({'data': b'x' * 100}, '100 bytes'),
        ({'width': 0}, 'no content'),
        ({'height': 10**6}, 'step'),
        ({'encoding': 'nv12', 'height': 5}, 'even size'),
        ({'data': 'text'}, 'no bytes'),
    ],
)
def test_broken_images_are_rejected(message, changes, named):
    with pytest.raises(SampleError, match=named):
        decode_image(raw(message, 'rgb8', RGB, **changes))


@settings(max_examples=100, deadline=None)
@given(
    encoding=st.sampled_from(SUPPORTED_ENCODINGS),
    height=st.integers(0, 9),
    width=st.integers(0, 9),
    step=st.integers(0, 80),
    size=st.integers(0, 800),
    big=st.booleans(),
)
def test_random_layouts_never_crash(encoding, height, width, step, size, big):
    from types import SimpleNamespace

    msg = SimpleNamespace(
        encoding=encoding,
        height=height,
        width=width,
        step=step,
        is_bigendian=big,
        data=bytes(size),
    )
    try:
        pixels = decode_image(msg).pixels
    except SampleError:
        return
    assert pixels.shape[:2] == (height, width)
