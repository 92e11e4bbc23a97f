"""Depth as image_transport records it."""

import struct

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import decode_compressed_depth

DEPTH_M = np.random.default_rng(4).uniform(0.5, 60.0, (12, 10)).astype(np.float32)
DEPTH_M[0, :4] = np.nan
DEPTH_M[5, 3:8] = np.nan
MM = np.where(np.isfinite(DEPTH_M), DEPTH_M * 1000, 0).astype(np.uint16)


def png(pixels):
    return cv2.imencode('.png', pixels)[1].tobytes()


def header(a=0.0, b=0.0):
    return struct.pack('<iff', 0, a, b)


def rvl(pixels):
    """Wilson's encoder, written for this test: nibbles of runs of zeros and of differences."""
    nibbles, flat, i, previous = [], pixels.reshape(-1).astype(int).tolist(), 0, 0

    def put(value):
        while True:
            low, value = value & 7, value >> 3
            nibbles.append(low | (8 if value else 0))
            if not value:
                return

    while i < len(flat):
        zeros = i
        while i < len(flat) and not flat[i]:
            i += 1
        put(i - zeros)
        start = i
        while i < len(flat) and flat[i]:
            i += 1
        put(i - start)
        for value in flat[start:i]:
            difference, previous = value - previous, value
            put(difference * 2 if difference >= 0 else -difference * 2 - 1)
    nibbles += [0] * (-len(nibbles) % 8)
    words = [
        sum(n << (28 - 4 * k) for k, n in enumerate(nibbles[j : j + 8]))
        for j in range(0, len(nibbles), 8)
    ]
    size = struct.pack('<ii', pixels.shape[1], pixels.shape[0])
    return size + np.array(words, '<u4').tobytes()


@pytest.mark.parametrize(
    ('text', 'data'),
    [
        ('16UC1; compressedDepth png', header() + png(MM)),
        ('16UC1; compressedDepth', header() + png(MM)),
        ('16uc1; compressedDepth png', header() + png(MM)),
        ('MONO16; png compressed ', png(MM)),
        ('16UC1; compressedDepth rvl', header() + rvl(MM)),
        ('16UC1; png compressed ', png(MM)),
        ('mono16; png compressed ', png(MM)),
        ('png', png(MM)),
    ],
)
def test_millimeters_come_out_as_meters(message, text, data):
    depth = decode_compressed_depth(message(format=text, data=data)).depth_m
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, np.where(MM, MM / 1000, np.nan).astype(np.float32))


@pytest.mark.parametrize('codec', ['png', 'rvl'])
def test_quantized_inverse_depth_comes_back_within_its_steps(message, codec):
    # depthQuantization 100 and depthMax 100 m: the defaults of the transport
    a = 100.0 * 101.0
    b = 1.0 - a / 100.0
    inverse = np.zeros(DEPTH_M.shape, np.uint16)
    known = np.isfinite(DEPTH_M)
    inverse[known] = (a / DEPTH_M[known] + b).astype(np.uint16)
    data = header(a, b) + (png(inverse) if codec == 'png' else rvl(inverse))
    msg = message(format=f'32FC1; compressedDepth {codec}', data=data)
    depth = decode_compressed_depth(msg).depth_m
    np.testing.assert_array_equal(np.isfinite(depth), known)
    # One step of 1 / a in inverse depth is z^2 / a in depth.
    assert np.all(np.abs(depth - DEPTH_M)[known] <= DEPTH_M[known] ** 2 / a * 1.02 + 1e-4)


@pytest.mark.parametrize(
    ('text', 'data', 'cause'),
    [
        ('16UC1; compressedDepth png', header(), 'cut off'),
        ('16UC1; compressedDepth png', header() + b'nothing', 'not a readable'),
        ('16UC1; compressedDepth rvl', header() + rvl(MM)[:40], 'ends before the last pixel'),
        ('16UC1; compressedDepth rvl', header() + struct.pack('<ii', -5, 10**9), 'names an image'),
        ('32FC1; compressedDepth png', header(0.0, 1.0) + png(MM), 'quantization'),
        ('8UC1; compressedDepth png', header() + png(MM), 'not supported'),
        ('16UC1; compressedDepth png', header() + png(MM.astype(np.uint8)), 'uint8'),
        ('16UC1; jpeg compressed ', cv2.imencode('.jpg', MM.astype(np.uint8))[1].tobytes(),
         'is no depth image'),
        ('bgr8; png compressed bgr8', png(np.dstack([MM] * 3)), 'is no depth image'),
    ],
)  # fmt: skip
def test_what_is_no_depth_is_rejected_with_its_cause(message, text, data, cause):
    with pytest.raises(SampleError, match=cause):
        decode_compressed_depth(message(format=text, data=data))
