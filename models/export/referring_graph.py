"""The two networks of text-prompted segmentation as they are deployed."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mmseg_models.crossvlt import CrossVLT
from mmseg_models.export.onnx_graph import write_graph
from mmseg_models.registry import create_referring_model
from mmseg_ros.inference.bundle import WEIGHTS_FILE
from mmseg_ros.referring.bundle import (
    SEGMENTER_FILE,
    TEXT_FILE,
    ReferringBundle,
    ReferringManifest,
)
from mmseg_ros.referring.graphs import (
    MASK_INPUT,
    SEGMENTER_INPUTS,
    SEGMENTER_OUTPUTS,
    TEXT_INPUTS,
    TEXT_OUTPUTS,
)

_SENTENCES = {0: 'sentences'}
# With one sentence the tracer would take the axis for one that is always one long.
_TRACED_SENTENCES = 2


class TextGraph(nn.Module):
    """What can be known about text prompts without an image.

    Args:
        model: The network.
    """

    def __init__(self, model: CrossVLT) -> None:
        super().__init__()
        self.model = model

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return N x L x C in the type of the weights.

        Args:
            token_ids: N x L int64.
            attention_mask: N x L bool.
        """
        return self.model.encode_text(token_ids, attention_mask)


class SegmenterGraph(nn.Module):
    """One camera image and N sentences to N masks.

    Args:
        model: The network. manifest: Statistics of the images.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, model: CrossVLT, manifest: ReferringManifest) -> None:
        super().__init__()
        self.model = model
        mean, std = torch.tensor(manifest.mean), torch.tensor(manifest.std)
        self.register_buffer('scale', 1.0 / (255.0 * std))
        self.register_buffer('shift', mean / std)

    def forward(self, image: Tensor, text: Tensor, attention_mask: Tensor) -> Tensor:
        """Return N x H x W uint8: 1..255 for probabilities 0..1, from 128 on the pixel is meant.

        0 stands where the network's scores are NaN or infinite.

        Args:
            image: H x W x 3 uint8.
            text: N x L x C, of `TextGraph`, in the type that the network computes in.
            attention_mask: N x L bool.
        """
        x_HWC = (image.to(torch.float32) * self.scale - self.shift).to(text.dtype)
        logits_N2HW = self.model.segment(x_HWC.permute(2, 0, 1)[None], text, attention_mask)
        logits_N2HW = logits_N2HW.float()
        inside_NHW = torch.sigmoid(logits_N2HW[:, 1] - logits_N2HW[:, 0])
        answer_NHW = torch.where(inside_NHW >= 0.0, 1.0 + torch.floor(254.0 * inside_NHW), 0.0)
        return answer_NHW.to(torch.uint8)


def referring_network(bundle: ReferringBundle, file: str) -> nn.Module:
    """Return what one of a bundle's ONNX files was exported from.

    Raises:
        ConfigError: This version has no such model or option.
        RuntimeError: The weights do not fit the network.
    """
    manifest = bundle.manifest
    model = create_referring_model(manifest.model, **manifest.model_options)
    model.load_state_dict(load_file(bundle.path / WEIGHTS_FILE))
    graph = TextGraph(model) if file == TEXT_FILE else SegmenterGraph(model, manifest)
    return graph.eval()


def write_text_graph(graph: TextGraph, max_tokens: int, path: Path) -> None:
    """Export the graph of the text prompts, for any number of them."""
    shape = (_TRACED_SENTENCES, max_tokens)
    inputs = (torch.zeros(shape, dtype=torch.int64), torch.ones(shape, dtype=torch.bool))
    write_graph(
        graph,
        dict(zip(TEXT_INPUTS, inputs, strict=True)),
        TEXT_OUTPUTS,
        path / TEXT_FILE,
        dict.fromkeys((*TEXT_INPUTS, *TEXT_OUTPUTS), _SENTENCES),
    )


def write_segmenter_graph(
    graph: SegmenterGraph, manifest: ReferringManifest, text_dim: int, path: Path
) -> None:
    """Export the graph of one image and any number of text prompts.

    Args:
        graph: The network.
        manifest: Sizes.
        text_dim: Channels of the text features.
        path: Folder to write to.
    """
    shape = (_TRACED_SENTENCES, manifest.max_tokens)
    inputs = (
        torch.zeros(manifest.height, manifest.width, 3, dtype=torch.uint8),
        torch.zeros(*shape, text_dim, dtype=next(graph.model.parameters()).dtype),
        torch.ones(shape, dtype=torch.bool),
    )
    write_graph(
        graph,
        dict(zip(SEGMENTER_INPUTS, inputs, strict=True)),
        SEGMENTER_OUTPUTS,
        path / SEGMENTER_FILE,
        dict.fromkeys(('text', MASK_INPUT, *SEGMENTER_OUTPUTS), _SENTENCES),
    )
