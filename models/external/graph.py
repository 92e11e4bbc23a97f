"""The graph of a bundle around an external network: images in, labels and confidence out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper

from mmseg_models.external.answer import AnswerPlan, answer_nodes
from mmseg_models.external.inputs import InputPlan, input_nodes
from mmseg_models.external.network import ExternalNetwork

_PREFIX = 'net/'


def fused_graph(
    network: ExternalNetwork,
    inputs: Sequence[InputPlan],
    answer: AnswerPlan,
    mean: NDArray[Any],
    std: NDArray[Any],
) -> onnx.ModelProto:
    """Return the network between its pre- and post-processing, as a bundle holds it.

    Args:
        network: With the shapes of `inputs`.
        inputs: How its inputs are made.
        answer: How its output is read.
        mean: M x 3, on the scale 0..1.
        std: The same for the deviations.
    """
    height, width = inputs[0].height, inputs[0].width
    model = compose.add_prefix(network.model, _PREFIX)
    targets = [_PREFIX + plan.name for plan in inputs]
    before, weights_before = input_nodes(inputs, mean, std, targets)
    after, weights_after = answer_nodes(
        answer, _PREFIX + answer.name, height, width, network.opset
    )
    graph = model.graph
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*weights_before, *weights_after])
    graph.name = 'external'
    total = len(mean)
    image = [1, total, height, width, 3]
    graph.input.extend(
        [
            helper.make_tensor_value_info('images', TensorProto.UINT8, image),
            helper.make_tensor_value_info('available', TensorProto.BOOL, [1, total]),
        ]
    )
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.UINT8, [1, height, width])
        for name in ('labels', 'confidence')
    )
    return model
