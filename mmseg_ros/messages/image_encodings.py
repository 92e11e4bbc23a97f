"""The encodings of sensor_msgs/image_encodings.hpp: how pixels are stored, and how to get RGB."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# encoding -> (numpy type without byte order, channels)
PLAIN: dict[str, tuple[str, int]] = {
    'mono8': ('u1', 1),
    '8UC1': ('u1', 1),
    'mono16': ('u2', 1),
    '16UC1': ('u2', 1),
    '32FC1': ('f4', 1),
    'rgb8': ('u1', 3),
    '8UC3': ('u1', 3),
    'bgr8': ('u1', 3),
    'rgba8': ('u1', 4),
    'bgra8': ('u1', 4),
    '8UC4': ('u1', 4),
    'rgb16': ('u2', 3),
    'bgr16': ('u2', 3),
    '16UC3': ('u2', 3),
    'rgba16': ('u2', 4),
    'bgra16': ('u2', 4),
    '16UC4': ('u2', 4),
}
# nUC3 and nUC4 name no color order; OpenCV's order (BGR) is what their publishers mean.
BLUE_FIRST = ('bgr8', '8UC3', 'bgra8', '8UC4', 'bgr16', '16UC3', 'bgra16', '16UC4')
# ROS names the first two pixels of the first row, OpenCV the second and third of the second row.
_BAYER: dict[str, int] = {
    'bayer_rggb': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg': cv2.COLOR_BayerGB2RGB,
}
BAYER: dict[str, str] = {
    f'{pattern}{bits}': kind for pattern in _BAYER for bits, kind in ((8, 'u1'), (16, 'u2'))
}
YUV: dict[str, int] = {
    'yuv422': cv2.COLOR_YUV2RGB_UYVY,
    'uyvy': cv2.COLOR_YUV2RGB_UYVY,
    'yuv422_yuy2': cv2.COLOR_YUV2RGB_YUY2,
    'yuyv': cv2.COLOR_YUV2RGB_YUY2,
}
# One plane of luma, then color at half the resolution: interleaved, or one plane each.
NV: dict[str, int] = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
PLANAR: dict[str, int] = {'i420': cv2.COLOR_YUV2RGB_I420, 'yv12': cv2.COLOR_YUV2RGB_YV12}
SUPPORTED_ENCODINGS: tuple[str, ...] = (*PLAIN, *BAYER, *YUV, *NV, *PLANAR)
_SPELLINGS = {name.lower(): name for name in SUPPORTED_ENCODINGS}


def spelled(encoding: str) -> str:
    """Return an encoding as the table above spells it: drivers write `RGB8`, `MONO16`, `16uc1`.

    What is not in the table comes back as it is.
    """
    return _SPELLINGS.get(encoding.strip().lower(), encoding)


def eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return pixels of 8 or 16 bits as uint8; the upper byte of 16 bits is kept."""
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels


def demosaiced(mosaic: NDArray[Any], encoding: str) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 RGB of an H x W Bayer mosaic of 8 or 16 bits.

    Args:
        mosaic: H x W uint8 or uint16, at least 2 x 2.
        encoding: A key of `BAYER`; its bits need not be those of the mosaic, e.g. in a JPEG.
    """
    pattern = encoding.removesuffix('16').removesuffix('8')
    return eight_bits(np.asarray(cv2.cvtColor(mosaic, _BAYER[pattern])))


def color_pixels(pixels: NDArray[Any], blue_first: bool) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 RGB of three or four channels; an alpha channel is dropped."""
    code = {
        (3, True): cv2.COLOR_BGR2RGB,
        (4, True): cv2.COLOR_BGRA2RGB,
        (4, False): cv2.COLOR_RGBA2RGB,
    }.get((pixels.shape[2], blue_first))
    narrow = eight_bits(pixels)
    return narrow if code is None else np.asarray(cv2.cvtColor(narrow, code), np.uint8)
