"""Weights in 8 bits: one step per output channel, and taps that keep their sum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_models.export.calibration import SMALLEST_STEP

LARGEST_WEIGHT = 63
"""Weights keep to half of the 8 bits, so that every processor answers alike.

Without VNNI, x86-64 adds products of 8 bits in pairs and clips each sum at 16 bits. With inputs up
to 255 (runtimes shift int8 to uint8), 2 * 255 * 63 fits into 32767 and 2 * 255 * 127 does not.
"""

_BIAS_STEPS = 2.0**20
"""A bias may be this many steps of its channel's weights: times 127 steps of an input it has to
fit into the 32 bits in which ONNX Runtime adds it. Channels that answer with their bias alone
have weights so small that it would not."""


def rounded_weights(
    values: NDArray[np.float32], axis: int, bias: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return the step of each output channel, and the weights in these steps.

    The taps of a depthwise kernel keep their sum to half a step: where an image is even (the
    empty part of a LiDAR image) the sum is all that counts, and kernels that look for edges sum
    to nearly nothing, so that rounding each tap for itself shifts the whole region.

    Args:
        values: Of a convolution (O x I x H x W) or a product (I x O).
        axis: That of the output channels.
        bias: What the operator adds per output channel.
    """
    others = tuple(i for i in range(values.ndim) if i != axis)
    peaks = np.abs(values).max(axis=others, keepdims=True)
    steps = np.maximum(peaks / LARGEST_WEIGHT, SMALLEST_STEP)
    if bias is not None:
        shape = [-1 if i == axis else 1 for i in range(values.ndim)]
        steps = np.maximum(steps, np.abs(bias).reshape(shape) / _BIAS_STEPS)
    steps = steps.astype(np.float32)
    exact = values / steps
    narrow = np.rint(exact)
    if values.ndim == 4 and values.shape[1] == 1:
        narrow = _with_sums_kept(exact.reshape(len(exact), -1)).reshape(values.shape)
    return steps.ravel(), np.clip(narrow, -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8)


def _with_sums_kept(exact: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round each row, the closest calls the other way, so that its sum is off by half at most."""
    narrow = np.rint(exact)
    errors = narrow - exact
    excess = np.rint(errors.sum(axis=1)).astype(int)
    for row, surplus in enumerate(excess):
        turned = np.argsort(-np.sign(surplus) * errors[row], kind='stable')[: abs(surplus)]
        narrow[row, turned] -= np.sign(surplus)
    return narrow
