"""What CompressedImage.format says about the stored pixels is honored."""

import struct

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import decode_compressed_image

ROWS, COLUMNS = np.mgrid[:32, :48]
RGB = np.stack([COLUMNS * 5, ROWS * 7, np.full((32, 48), 60)], -1).astype(np.uint8)
RGB[:, :16] = (200, 40, 20)
BGR = np.ascontiguousarray(RGB[..., ::-1])
ALPHA = np.full((32, 48, 1), 255, np.uint8)


def mosaic(pattern):
    pixels = np.zeros((32, 48), np.uint8)
    for i, color in enumerate(pattern):
        row, column = divmod(i, 2)
        pixels[row::2, column::2] = RGB[row::2, column::2, 'rgb'.index(color)]
    return pixels


def png(pixels):
    return cv2.imencode('.png', np.ascontiguousarray(pixels))[1].tobytes()


def jpeg(pixels):
    quality = [cv2.IMWRITE_JPEG_QUALITY, 98]
    return cv2.imencode('.jpg', np.ascontiguousarray(pixels), quality)[1].tobytes()


@pytest.mark.parametrize(
    ('text', 'data'),
    [
        ('jpeg', jpeg(BGR)),
        ('bgr8; jpeg compressed bgr8', jpeg(BGR)),
        ('rgb8; jpeg compressed bgr8', jpeg(BGR)),
        ('rgb8; jpeg compressed ', jpeg(BGR)),
        ('rgb8; jpeg compressed rgb8', jpeg(RGB)),
        ('RGB8; PNG compressed RGB8', png(RGB)),
        ('rgba8; png compressed bgra8', png(np.dstack([BGR, ALPHA]))),
        ('rgba8; png compressed rgba8', png(np.dstack([RGB, ALPHA]))),
        ('rgb16; png compressed bgr16', png(BGR.astype(np.uint16) * 257)),
        ('rgb16; png compressed rgb16', png(RGB.astype(np.uint16) * 257)),
        ('bayer_rggb8; jpeg compressed bgr8', jpeg(BGR)),
        ('bayer_rggb8; jpeg compressed ', jpeg(mosaic('rggb'))),
        ('bayer_grbg8; png compressed ', png(mosaic('grbg'))),
        ('bayer_bggr8; png compressed bayer_bggr8', png(mosaic('bggr'))),
        ('bayer_gbrg16; png compressed ', png(mosaic('gbrg').astype(np.uint16) * 257)),
        ('bayer_rggb16; jpeg compressed ', jpeg(mosaic('rggb'))),
    ],
)
def test_color_comes_out_as_it_was(message, text, data):
    pixels = decode_compressed_image(message(format=text, data=data)).pixels
    assert pixels.shape == RGB.shape
    assert pixels.dtype == np.uint8
    error = np.abs(pixels.astype(int) - RGB)[4:-4, 4:-4]
    assert error.mean() < 3


@pytest.mark.parametrize('text', ['mono8; jpeg compressed ', 'yuv422; jpeg compressed mono8',
                                  'bayer_rggb8; jpeg compressed mono8'])  # fmt: skip
def test_grey_stays_grey(message, text):
    grey = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)
    pixels = decode_compressed_image(message(format=text, data=jpeg(grey))).pixels
    assert pixels.ndim == 2
    assert np.abs(pixels.astype(int) - grey).mean() < 3


def test_an_orientation_in_exif_is_ignored(message):
    # TIFF block with one entry: orientation 6, "turn by 90 degrees"
    tiff = b'MM\0*' + struct.pack('>IHHHIHHI', 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b'Exif\0\0' + tiff
    plain = jpeg(BGR)
    turned = plain[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + plain[2:]
    as_a_viewer_does = cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR)
    assert as_a_viewer_does.shape == (48, 32, 3)
    pixels = decode_compressed_image(message(format='jpeg', data=turned)).pixels
    np.testing.assert_array_equal(
        pixels, decode_compressed_image(message(format='jpeg', data=plain)).pixels
    )


@pytest.mark.parametrize(
    ('data', 'cause'),
    [
        (b'', 'not a readable'),
        (png(RGB)[:30], 'not a readable'),
        (cv2.imencode('.tiff', BGR.astype(np.float32))[1].tobytes(), 'float32'),
    ],
)
def test_what_is_no_camera_image_is_rejected(message, data, cause):
    with pytest.raises(SampleError, match=cause):
        decode_compressed_image(message(format='bgr8; jpeg compressed bgr8', data=data))
