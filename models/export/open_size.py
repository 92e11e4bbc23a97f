"""The network for images of any size: one more graph, for other programs and TensorRT profiles."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import torch
from torch import Tensor
from torch.nn import functional

from mmseg_models.export.onnx_graph import Answer, DeployedGraph, output_names, write_graph
from mmseg_models.shapes import open_sizes
from mmseg_ros.core.errors import BundleError

OPEN_FILE = 'model.open.onnx'
STRIDE_OF_LOGITS = 4
LEAST_AGREEMENT = 0.98
"""Of untrained networks too, whose scores lie close together in half precision."""


class OpenAnswer(Answer):
    """`Answer` at the size of the images, whatever that is."""

    def __init__(self) -> None:
        super().__init__(0, 0)

    def resized(self, logits_BKHW: Tensor) -> Tensor:
        """Return logits at the size of the images, bilinear."""
        return functional.interpolate(
            logits_BKHW, scale_factor=float(STRIDE_OF_LOGITS), mode='bilinear'
        )


def open_graph(graph: DeployedGraph) -> DeployedGraph:
    """Return the network with an answer at the size of its images; the weights are shared."""
    return DeployedGraph(graph.model, graph.normalisation, OpenAnswer()).eval()


def write_open_graph(graph: DeployedGraph, path: Path) -> None:
    """Export the graph that serves every subset of the modalities at every size.

    Height and width of its inputs are any multiples of the model's `size_divisor`. Static graphs
    are twice as fast on OpenVINO, so the nodes use those.

    Args:
        graph: The deployed network.
        path: File to write.

    Raises:
        BundleError: The model's graph keeps the size it was traced at (windows, position
            embeddings): it answers otherwise than the network at another size.
    """
    total, side = len(graph.model.modalities), 2 * graph.model.size_divisor
    graph = open_graph(graph)
    pixels = {1: 'height', 2: 'width'}
    axes = {'images': {2: 'height', 3: 'width'}, 'labels': pixels, 'confidence': pixels}
    inputs = {
        'images': torch.zeros(1, total, side, 2 * side, 3, dtype=torch.uint8),
        'available': torch.ones(1, total, dtype=torch.bool),
    }
    with open_sizes():
        write_graph(graph, inputs, output_names(graph.model), path, axes)
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    for height, width in ((side, side), (3 * side, 2 * side)):
        images = torch.randint(0, 256, (1, total, height, width, 3), dtype=torch.uint8)
        _require_equal(graph, session, {**inputs, 'images': images}, path)


def _require_equal(
    graph: DeployedGraph,
    session: onnxruntime.InferenceSession,
    inputs: dict[str, Tensor],
    path: Path,
) -> None:
    height, width = inputs['images'].shape[2:4]
    with torch.inference_mode():
        expected = graph(*inputs.values())[0].numpy()
    try:
        labels = session.run(['labels'], {k: v.numpy() for k, v in inputs.items()})[0]
        agreement = float((labels == expected).mean()) if labels.shape == expected.shape else 0.0
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise BundleError(f'{path.name} does not run at {height} x {width}: {error}') from error
    if agreement < LEAST_AGREEMENT:
        raise BundleError(
            f'{path.name} agrees with torch on only {agreement:.2%} of the labels at '
            f'{height} x {width}; export this model once per size.'
        )
