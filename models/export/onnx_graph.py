"""The network as it is deployed: 8-bit images in, labels, confidence and router weights out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import onnxruntime
import torch
from onnx import TensorProto
from onnxscript import optimizer
from torch import Tensor, nn
from torch.nn import functional
from torch.onnx import TrainingMode

from mmseg_models.presence import Presence
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_ros.core.atomic_files import write_bytes
from mmseg_ros.inference.graph import OUTPUT_NAMES, ROUTER_NAME

OPSET = 20
"""Newest opset without the `Attention` operator, which slows ONNX Runtime and breaks TensorRT."""

# ONNX Runtime's own way of writing a biased product: more nodes, and slower everywhere else.
_UNWANTED_REWRITES = ['MatMulAddFusion', 'ReshapeFusion']
_NORM_FOLDING = ['ConvBNFusion', 'BatchNormalizationAddFusion', 'ConvMulFusion', 'ConvAddFusion']


class Answer(nn.Module):
    """From logits to what crosses to the host: one byte of label, one of confidence per pixel.

    Args:
        height: Rows of the answer. width: Columns.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)

    def forward(self, logits_BKHW: Tensor) -> tuple[Tensor, Tensor]:
        """Return labels (1, H, W) uint8 and confidence (1, H, W) uint8.

        Args:
            logits_BKHW: At any size; resized as the network's own output is.
        """
        logits_BKHW = self.resized(logits_BKHW.float())
        best_B1HW = logits_BKHW.amax(dim=1, keepdim=True)
        # The softmax at its maximum, without the other K - 1 probabilities.
        total_BHW = torch.exp(logits_BKHW - best_B1HW).sum(dim=1)
        # A number is at least 255 / K; not-a-number fails the comparison and is marked by 0.
        confidence_BHW = torch.where(total_BHW >= 1.0, torch.round(255.0 / total_BHW), 0.0)
        labels_BHW = _first_index(logits_BKHW, best_B1HW)
        return labels_BHW.to(torch.uint8), confidence_BHW.to(torch.uint8)

    def resized(self, logits_BKHW: Tensor) -> Tensor:
        """Return logits at the answer's size, bilinear."""
        return functional.interpolate(logits_BKHW, self.size, mode='bilinear')


def _first_index(logits_BKHW: Tensor, best_B1HW: Tensor) -> Tensor:
    """Return B x H x W float32: the first class whose logit is the largest.

    OpenVINO sorts for an argmax: a sixth of a small network's time. Where a logit is not a number
    the answer is the last class; the confidence 0 marks the pixel.
    """
    last = logits_BKHW.shape[1] - 1
    index_1K11 = torch.arange(last + 1, dtype=torch.float32)[None, :, None, None]
    is_best = logits_BKHW == best_B1HW
    return torch.where(is_best, index_1K11.to(logits_BKHW.device), float(last)).amin(dim=1)


class Normalization(nn.Module):
    """8-bit images to what the network was trained on.

    Args:
        mean: M x 3, on the scale 0..1. std: M x 3, the same.
        dtype: What the network computes in.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Tensor, std: Tensor, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        self.register_buffer('scale', 1.0 / (255.0 * std.float())[:, :, None, None])
        # Added, not subtracted: OpenVINO takes 8-bit images less a chosen number for a quantized
        # tensor less its zero point, and rejects graphs that hold quantized products too.
        self.register_buffer('shift', (-mean.float() / std.float())[:, :, None, None])

    def forward(self, images_BAHWC: Tensor, members_A: Tensor | None = None) -> Tensor:
        """Return B x A x 3 x H x W.

        Args:
            images_BAHWC: uint8, encoded.
            members_A: int64, which modality each image is; None means all M in order.
        """
        scale, shift = self.scale, self.shift
        if members_A is not None:
            scale, shift = scale[members_A], shift[members_A]
        # TensorRT can do nothing with 8-bit integers but cast them, so that comes first.
        x_BACHW = images_BAHWC.to(torch.float32).permute(0, 1, 4, 2, 3)
        return (x_BACHW * scale[None] + shift[None]).to(self.dtype)


class DeployedGraph(nn.Module):
    """Serves every subset of the modalities; an absent one is masked and costs its full time.

    Args:
        model: The trained network.
        normalization: With the statistics of all M modalities.
        answer: The end of the graph.
    """

    def __init__(
        self, model: SegmentationModel, normalization: Normalization, answer: Answer
    ) -> None:
        super().__init__()
        self.model = model
        self.normalization = normalization
        self.answer = answer

    def forward(self, images: Tensor, available: Tensor) -> tuple[Tensor, ...]:
        """Return labels, confidence and, for a model with a router, its weights (1, M) float32.

        Args:
            images: (1, M, H, W, 3) uint8, encoded.
            available: (1, M) bool.
        """
        x_SCHW, presence = self.model.prepare(self.normalization(images), available)
        return _outputs(self.answer, *self.model.segment_and_route(x_SCHW, presence))


class SubsetGraph(nn.Module):
    """Computes some modalities only, as if the others were masked.

    Args:
        graph: The graph for all subsets, whose parts are shared.
        members: Indices of the A computed modalities, ascending.
    """

    def __init__(self, graph: DeployedGraph, members: tuple[int, ...]) -> None:
        super().__init__()
        self.model = graph.model
        self.normalization = graph.normalization
        self.answer = graph.answer
        self.members = members

    def forward(self, images: Tensor, members: Tensor) -> tuple[Tensor, ...]:
        """Return what `DeployedGraph` does.

        Args:
            images: (1, A, H, W, 3) uint8, encoded.
            members: (A,) int64, which modality each image is: chooses the statistics.
        """
        return _outputs(self.answer, *self.scores(self.normalization(images, members)[0]))

    def scores(self, x_ACHW: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the logits before they are brought to the answer's size, and router weights.

        Args:
            x_ACHW: Normalized images of the computed modalities.
        """
        presence = Presence(self.members, len(self.model.modalities))
        return self.model.segment_and_route(x_ACHW, presence)


def output_names(model: SegmentationModel) -> tuple[str, ...]:
    """Return the names of what a model's graphs answer with."""
    return (*OUTPUT_NAMES, ROUTER_NAME) if model.has_router else OUTPUT_NAMES


def _outputs(answer: Answer, logits_BKHW: Tensor, router_BM: Tensor | None) -> tuple[Tensor, ...]:
    found = answer(logits_BKHW)
    return found if router_BM is None else (*found, router_BM.float())


def write_masked_graph(
    graph: DeployedGraph, height: int, width: int, path: Path, fold_norms: bool = False
) -> None:
    """Export the graph that serves every subset, with static shapes."""
    total = len(graph.model.modalities)
    inputs = {
        'images': torch.zeros(1, total, height, width, 3, dtype=torch.uint8),
        'available': torch.ones(1, total, dtype=torch.bool),
    }
    write_graph(graph, inputs, output_names(graph.model), path, fold_norms=fold_norms)


def write_subset_graph(
    graph: SubsetGraph, height: int, width: int, path: Path, fold_norms: bool = False
) -> None:
    """Export the graph of one subset, with static shapes."""
    inputs = {
        'images': torch.zeros(1, len(graph.members), height, width, 3, dtype=torch.uint8),
        'members': torch.tensor(graph.members),
    }
    write_graph(graph, inputs, output_names(graph.model), path, fold_norms=fold_norms)


def write_graph(
    graph: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    path: Path,
    open_axes: Mapping[str, Mapping[int, str]] | None = None,
    fold_norms: bool = False,
) -> None:
    """Trace a network and write it as ONNX.

    Args:
        graph: Called with the inputs in order; answers with the outputs in order.
        inputs: Examples by name.
        outputs: Names.
        path: File to write.
        open_axes: Per input or output the axes of any length, with a name for the length.
        fold_norms: Multiply batch norms into the convolutions before them. Every runtime does so
            when it loads the graph; a graph that does not can read the weights as they were
            trained, which saves a second copy of them.
    """
    raw = path.with_name(path.name + '.raw')
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, yet ten times as fast as the one that follows it.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            graph.eval(),
            tuple(inputs.values()),
            str(raw),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=open_axes,
            # EVAL folds batch norms; the network itself is in evaluation mode either way.
            training=TrainingMode.EVAL if fold_norms else TrainingMode.PRESERVE,
            opset_version=OPSET,
            dynamo=False,
        )
    try:
        model = _without_constants(raw, path, fold_norms)
    finally:
        raw.unlink()
    standard = [entry for entry in model.opset_import if not entry.domain]
    del model.opset_import[:], model.graph.value_info[:]
    model.opset_import.extend(standard)
    _number_nodes(model.graph)
    onnx.checker.check_model(model, full_check=True)
    write_bytes(path, model.SerializeToString())


def _without_constants(source: Path, draft: Path, fold_norms: bool) -> onnx.ModelProto:
    """Return the graph without what does not depend on the input or what nothing needs."""
    model = onnx.load(source)
    if any(item.data_type == TensorProto.FLOAT16 for item in model.graph.initializer):
        # ONNX Runtime would add casts wherever its CPU kernels lack half precision.
        return optimizer.optimize(model)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(draft)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(
        str(source),
        options,
        providers=['CPUExecutionProvider'],
        disabled_optimizers=_UNWANTED_REWRITES + ([] if fold_norms else _NORM_FOLDING),
    )
    return onnx.load(draft)


def _number_nodes(graph: onnx.GraphProto) -> None:
    """Name every node by its operator and place: traced names take more room than the graph."""
    for i, node in enumerate(graph.node):
        node.ClearField('doc_string')
        node.name = f'{node.op_type}_{i}'
