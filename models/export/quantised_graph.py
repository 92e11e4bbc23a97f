"""INT8: products and convolutions of a graph get 8-bit weights and inputs, the rest stays float.

Every number is symmetric (zero stays zero), which TensorRT demands: a weight has one step per
output channel and 7 bits (see `LARGEST_WEIGHT`), an activation one step and 8 bits. Runtimes read
the pairs of `QuantizeLinear` and `DequantizeLinear` around an operator and compute it in integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mmseg_models.export.calibration import Feed, largest_magnitudes
from mmseg_ros.core.atomic_files import write_bytes

LEAST_CHANNELS = 16
"""Below this an operator is bound by reading its input; converting costs more than it saves."""

LARGEST_WEIGHT = 63
"""Weights keep to half of the 8 bits, so that every processor answers alike.

Without VNNI, x86-64 adds products of 8 bits in pairs and clips each sum at 16 bits. With inputs up
to 255 (runtimes shift int8 to uint8), 2 * 255 * 63 fits into 32767 and 2 * 255 * 127 does not.
"""

_LARGEST = 127
_SMALLEST_STEP = 1e-9


def quantise(path: Path, feeds: Iterable[Feed]) -> None:
    """Rewrite an exported graph in place.

    Args:
        path: The graph, with its weights inside.
        feeds: Inputs that the values of the network are measured on.
    """
    model = onnx.load(path)
    weights = {item.name: item for item in model.graph.initializer}
    chosen = [node for node in model.graph.node if _pays(node, weights)]
    inputs = [node.input[0] for node in chosen]
    outputs = [node.output[0] for node in chosen if node.op_type == 'Conv']
    peaks = largest_magnitudes(model, list(dict.fromkeys([*inputs, *outputs])), feeds)
    _QuantisedNodes(model.graph, weights, peaks).write({node.name for node in chosen})
    _keep_products_apart_from_bias(model)
    onnx.checker.check_model(model, full_check=True)
    write_bytes(path, model.SerializeToString())


def _pays(node: NodeProto, weights: Mapping[str, TensorProto]) -> bool:
    """Return whether a node has weights and computes enough per value that it reads.

    That includes convolutions of 1 x 1 and depthwise ones: left in float between others in
    integers, they cost two conversions each.
    """
    if node.op_type not in ('MatMul', 'Conv') or node.input[1] not in weights:
        return False
    shape = list(map(int, weights[node.input[1]].dims))
    if node.op_type == 'MatMul':
        return len(shape) == 2 and min(shape) >= LEAST_CHANNELS
    is_depthwise = shape[1] == 1
    return is_depthwise or min(shape[:2]) >= LEAST_CHANNELS


class _QuantisedNodes:
    """Writes a graph's nodes again, with pairs of conversions around the chosen ones.

    Args:
        graph: Changed by `write`.
        weights: Its initializers by name.
        peaks: Largest absolute value per tensor.
    """

    def __init__(
        self,
        graph: onnx.GraphProto,
        weights: Mapping[str, TensorProto],
        peaks: Mapping[str, float],
    ) -> None:
        self._graph = graph
        self._weights = weights
        self._peaks = peaks
        self._nodes: list[NodeProto] = []
        self._made: set[str] = set()

    def write(self, chosen: set[str]) -> None:
        """Replace the nodes of the graph, and drop the weights that it does not read any more."""
        for node in list(self._graph.node):
            if node.name not in chosen:
                self._nodes.append(node)
                continue
            axis = 1 if node.op_type == 'MatMul' else 0
            node.input[0] = self._activation(node.input[0])
            node.input[1] = self._weight(node.input[1], axis, node.name)
            self._nodes.append(node)
            if node.op_type == 'Conv':
                self._quantise_output(node)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        read = {name for node in self._nodes for name in node.input}
        kept = [item for item in self._graph.initializer if item.name in read]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _activation(self, name: str) -> str:
        """Return the name of a tensor rounded to 8 bits; all its readers share the nodes."""
        rounded = name + '.rounded'
        if rounded not in self._made:
            self._made.add(rounded)
            self._convert(name, rounded, self._peaks[name])
        return rounded

    def _quantise_output(self, node: NodeProto) -> None:
        """Round what a convolution answers: ONNX Runtime has no other one in integers."""
        name = node.output[0]
        node.output[0] = name + '.exact'
        self._convert(node.output[0], name, self._peaks[name])

    def _convert(self, source: str, target: str, peak: float) -> None:
        step = max(peak / _LARGEST, _SMALLEST_STEP)
        scale = self._constant(target + '.step', np.array(step, np.float32))
        zero = self._constant(target + '.zero', np.array(0, np.int8))
        narrow = target + '.int8'
        self._nodes += [
            helper.make_node('QuantizeLinear', [source, scale, zero], [narrow], name=narrow),
            helper.make_node('DequantizeLinear', [narrow, scale, zero], [target], name=target),
        ]

    def _weight(self, name: str, axis: int, reader: str) -> str:
        """Return the name of a weight read from 8 bits; each of its readers has nodes of its own.

        OpenVINO and ONNX Runtime look for them right before an operator.
        """
        stored = [name + suffix for suffix in ('.int8', '.step', '.zero')]
        if name not in self._made:
            self._made.add(name)
            steps, narrow = _rounded(numpy_helper.to_array(self._weights[name]), axis)
            constants: list[NDArray[np.generic]] = [narrow, steps, np.zeros(len(steps), np.int8)]
            for item, values in zip(stored, constants, strict=True):
                self._constant(item, values)
        read = f'{name}.{reader}'
        self._nodes.append(
            helper.make_node('DequantizeLinear', stored, [read], name=read, axis=axis)
        )
        return read

    def _constant(self, name: str, values: NDArray[np.generic]) -> str:
        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name


def _rounded(
    values: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return the step of each output channel, and the weights in these steps."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    peaks = np.abs(values).max(axis=others, keepdims=True)
    steps = np.maximum(peaks / LARGEST_WEIGHT, _SMALLEST_STEP).astype(np.float32)
    narrow = np.clip(np.rint(values / steps), -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8)
    return steps.ravel(), narrow


def _keep_products_apart_from_bias(model: onnx.ModelProto) -> None:
    """Give the bias of every product of three axes or more the shape 1 x 1 x N.

    ONNX Runtime joins a product and a bias of shape N to one operator, for which it has no kernel
    that takes integers and answers in float.
    """
    graph = model.graph
    shaped = onnx.shape_inference.infer_shapes(model).graph.value_info
    large = {value.name for value in shaped if len(value.type.tensor_type.shape.dim) >= 3}
    products = {node.output[0] for node in graph.node if node.op_type == 'MatMul'} & large
    weights = {item.name: item for item in graph.initializer}
    sums = [node for node in graph.node if node.op_type == 'Add' and products & set(node.input)]
    for name in {name for node in sums for name in node.input if name in weights}:
        readers = [node for node in graph.node if name in node.input]
        dims = weights[name].dims
        if len(dims) == 1 and all(node in sums for node in readers):
            dims[:] = [1, 1, dims[0]]
