"""The network as it is deployed: 8-bit images in, labels and confidence out."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

OPSET = 20
"""Newest opset without the `Attention` operator, which slows ONNX Runtime and breaks TensorRT."""


class DeployedGraph(nn.Module):
    """Normalisation, network, argmax and confidence in one graph.

    Args:
        model: Maps normalised images (1, M, 3, H, W) and availability (1, M) to logits
            (1, K, H, W).
        mean: M x 3, on the scale 0..1. std: M x 3, likewise.
    """

    def __init__(self, model: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer('scale', 1.0 / (255.0 * std.float())[None, :, :, None, None])
        self.register_buffer('shift', (mean.float() / std.float())[None, :, :, None, None])

    def forward(self, images: Tensor, available: Tensor) -> tuple[Tensor, Tensor]:
        """Return labels (1, H, W) uint8 and confidence (1, H, W) uint8.

        Args:
            images: (1, M, H, W, 3) uint8, encoded.
            available: (1, M) bool.
        """
        x_BMCHW = images.permute(0, 1, 4, 2, 3).to(torch.float32) * self.scale - self.shift
        logits_BKHW = self.model(x_BMCHW, available)
        best_BHW, labels_BHW = logits_BKHW.max(dim=1)
        # The softmax at its maximum, without the other K - 1 probabilities.
        total_BHW = torch.exp(logits_BKHW - best_BHW[:, None]).sum(dim=1)
        confidence_BHW = torch.round(255.0 / total_BHW)
        return labels_BHW.to(torch.uint8), confidence_BHW.to(torch.uint8)


def write_onnx(graph: DeployedGraph, modalities: int, height: int, width: int, path: Path) -> None:
    """Export the graph with static shapes, which every runtime executes fastest."""
    images = torch.zeros(1, modalities, height, width, 3, dtype=torch.uint8)
    available = torch.ones(1, modalities, dtype=torch.bool)
    torch.onnx.export(
        graph.eval(),
        (images, available),
        str(path),
        input_names=['images', 'available'],
        output_names=['labels', 'confidence'],
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    onnx.checker.check_model(str(path), full_check=True)
