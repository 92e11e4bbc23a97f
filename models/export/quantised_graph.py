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

from mmseg_models.export.calibration import (
    LARGEST,
    SMALLEST_STEP,
    ChannelMeans,
    Feed,
    channel_means,
    useful_ranges,
)
from mmseg_models.export.folded_padding import fold_padding
from mmseg_models.export.mean_shift import has_bias, keep_mean
from mmseg_models.export.rounded_weights import rounded_weights
from mmseg_ros.core.atomic_files import write_bytes

LEAST_CHANNELS = 16
"""Below this an operator is bound by reading its input; converting costs more than it saves."""

_LIMITERS = ('Clip', 'Relu')


def quantise(path: Path, feeds: Iterable[Feed], spared: int = 0) -> None:
    """Rewrite an exported graph in place.

    Args:
        path: The graph, with its weights inside.
        feeds: Inputs that the values of the network are measured on.
        spared: How many of the last operators stay float.
    """
    model, feeds = onnx.load(path), list(feeds)
    fold_padding(model.graph)
    weights = {item.name: item for item in model.graph.initializer}
    chosen = _chosen(model.graph, weights)
    chosen = chosen[: max(0, len(chosen) - spared)]
    steps = _steps(model, chosen, feeds)
    images = {node.input[0]: steps[node.input[0]] for node in chosen if _is_image(node, weights)}
    means = channel_means(model, images, feeds)
    _QuantisedNodes(model.graph, weights, steps, means).write({node.name for node in chosen})
    _keep_products_apart_from_bias(model)
    onnx.checker.check_model(model, full_check=True)
    write_bytes(path, model.SerializeToString())


def _steps(model: onnx.ModelProto, chosen: list[NodeProto], feeds: list[Feed]) -> dict[str, float]:
    """Return the step of each value that is rounded: inputs, and answers of convolutions.

    What only a `Clip` or `Relu` reads is measured behind it: a ReLU6 after values up to 200 leaves
    6, and steps for 200 would make 4 levels of them.
    """
    limited = _limited(model.graph)
    inputs = [node.input[0] for node in chosen]
    outputs = [node.output[0] for node in chosen if node.op_type == 'Conv']
    measured = {name: limited.get(name, name) for name in [*inputs, *outputs]}
    ranges = useful_ranges(model, list(dict.fromkeys(measured.values())), feeds)
    return {
        name: max(ranges[source] / LARGEST, SMALLEST_STEP) for name, source in measured.items()
    }


def _limited(graph: onnx.GraphProto) -> dict[str, str]:
    """Return what a `Clip` or `Relu` makes of each value that nothing else reads."""
    readers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return {
        name: found[0].output[0]
        for name, found in readers.items()
        if len(found) == 1 and found[0].op_type in _LIMITERS and found[0].input[0] == name
    }


def _chosen(graph: onnx.GraphProto, weights: Mapping[str, TensorProto]) -> list[NodeProto]:
    """Return the operators that get integers.

    A depthwise convolution behind one in float stays float too: converting its input costs what
    it saves, and it is the first of the network, whose errors grow most on the way.
    """
    made_by = {name: node for node in graph.node for name in node.output}
    chosen: list[NodeProto] = []
    for node in graph.node:
        if not _pays(node, weights):
            continue
        source = made_by.get(node.input[0])
        while source is not None and source.op_type in _LIMITERS:
            source = made_by.get(source.input[0])
        after_float = source is not None and source.op_type == 'Conv' and source not in chosen
        if not (after_float and _is_depthwise(node, weights)):
            chosen.append(node)
    return chosen


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
    return _is_depthwise(node, weights) or min(shape[:2]) >= LEAST_CHANNELS


def _is_depthwise(node: NodeProto, weights: Mapping[str, TensorProto]) -> bool:
    return node.op_type == 'Conv' and int(weights[node.input[1]].dims[1]) == 1


def _is_image(node: NodeProto, weights: Mapping[str, TensorProto]) -> bool:
    """Return whether an operator reads N x C x H x W."""
    return node.op_type == 'Conv' and len(weights[node.input[1]].dims) == 4


class _QuantisedNodes:
    """Writes a graph's nodes again, with pairs of conversions around the chosen ones.

    Args:
        graph: Changed by `write`.
        weights: Its initializers by name.
        steps: Step of each value that is rounded.
        means: Of the channels of each image that a convolution reads.
    """

    def __init__(
        self,
        graph: onnx.GraphProto,
        weights: Mapping[str, TensorProto],
        steps: Mapping[str, float],
        means: Mapping[str, ChannelMeans],
    ) -> None:
        self._graph = graph
        self._weights = weights
        self._steps = steps
        self._means = means
        self._nodes: list[NodeProto] = []
        self._made: set[str] = set()
        self._rounded: dict[str, NDArray[np.float32]] = {}

    def write(self, chosen: set[str]) -> None:
        """Replace the nodes of the graph, and drop the weights that it does not read any more."""
        for node in list(self._graph.node):
            if node.name not in chosen:
                self._nodes.append(node)
                continue
            image, weight = node.input[0], node.input[1]
            node.input[0] = self._activation(image)
            node.input[1] = self._weight(node)
            if image in self._means:
                exact = numpy_helper.to_array(self._weights[weight])
                rounded = self._rounded[weight]
                keep_mean(self._graph, node, exact, rounded, self._means[image])
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
            self._convert(name, rounded, self._steps[name])
        return rounded

    def _quantise_output(self, node: NodeProto) -> None:
        """Round what a convolution answers: ONNX Runtime has no other one in integers."""
        name = node.output[0]
        node.output[0] = name + '.exact'
        self._convert(node.output[0], name, self._steps[name])

    def _convert(self, source: str, target: str, step: float) -> None:
        scale = self._constant(target + '.step', np.array(step, np.float32))
        zero = self._constant(target + '.zero', np.array(0, np.int8))
        narrow = target + '.int8'
        self._nodes += [
            helper.make_node('QuantizeLinear', [source, scale, zero], [narrow], name=narrow),
            helper.make_node('DequantizeLinear', [narrow, scale, zero], [target], name=target),
        ]

    def _weight(self, node: NodeProto) -> str:
        """Return the name of a weight read from 8 bits; each of its readers has nodes of its own.

        OpenVINO and ONNX Runtime look for them right before an operator.
        """
        name = node.input[1]
        axis = 1 if node.op_type == 'MatMul' else 0
        stored = [name + suffix for suffix in ('.int8', '.step', '.zero')]
        if name not in self._rounded:
            exact = numpy_helper.to_array(self._weights[name])
            steps, narrow = rounded_weights(exact, axis, self._bias(node))
            shape = [-1 if i == axis else 1 for i in range(exact.ndim)]
            self._rounded[name] = narrow * steps.reshape(shape)
            constants: list[NDArray[np.generic]] = [narrow, steps, np.zeros(len(steps), np.int8)]
            for item, values in zip(stored, constants, strict=True):
                self._constant(item, values)
        read = f'{name}.{node.name}'
        self._nodes.append(
            helper.make_node('DequantizeLinear', stored, [read], name=read, axis=axis)
        )
        return read

    def _bias(self, node: NodeProto) -> NDArray[np.float32] | None:
        if node.op_type != 'Conv' or not has_bias(node):
            return None
        bias: NDArray[np.float32] = numpy_helper.to_array(self._weights[node.input[2]])
        return bias

    def _constant(self, name: str, values: NDArray[np.generic]) -> str:
        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name


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
