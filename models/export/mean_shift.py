"""Moves each bias by what rounding would shift the mean of its channel."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, numpy_helper

from mmseg_models.export.calibration import ChannelMeans


def keep_mean(
    graph: onnx.GraphProto,
    node: NodeProto,
    exact: NDArray[np.float32],
    rounded: NDArray[np.float32],
    means: ChannelMeans,
) -> None:
    """Give a convolution a bias with which its channels keep their mean over the frames measured.

    Rounded weights and inputs shift the answer where they are constant, as in most of a LiDAR or
    event image: there the errors do not cancel, and every layer adds its own.

    Args:
        graph: Gets the new bias.
        node: The convolution.
        exact: Its weights, O x I x H x W.
        rounded: What 8 bits hold of them.
        means: Of its input's channels.
    """
    groups = next((item.i for item in node.attribute if item.name == 'group'), 1)
    shift = _mean(exact, means.exact, groups) - _mean(rounded, means.rounded, groups)
    stored = {item.name: item for item in graph.initializer}
    bias = numpy_helper.to_array(stored[node.input[2]]) if has_bias(node) else np.float32(0)
    name = f'{node.name}.bias'
    graph.initializer.append(numpy_helper.from_array((bias + shift).astype(np.float32), name))
    node.input[:] = [*node.input[:2], name]


def has_bias(node: NodeProto) -> bool:
    """Return whether a convolution adds one."""
    return len(node.input) > 2 and bool(node.input[2])


def _mean(
    weights: NDArray[np.float32], inputs: NDArray[np.float64], groups: int
) -> NDArray[np.float64]:
    """Return the mean answer per output channel, if the edges of the image count like the rest."""
    taps = weights.sum(axis=(2, 3), dtype=np.float64)
    group = np.arange(len(taps)) // (len(taps) // groups)
    answers: NDArray[np.float64] = np.einsum('oi,oi->o', taps, inputs.reshape(groups, -1)[group])
    return answers
