"""Weights in half the room: kernels and matrices stored in fp16, the graphs compute in fp32."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from mmseg_models.segmentation_model import SegmentationModel


def with_half_weights(model: SegmentationModel) -> SegmentationModel:
    """Return a copy whose weights of two or more dimensions have values that fp16 can hold.

    Norms, biases and statistics keep theirs: they take no room, and rounding them costs most.
    """
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for weight in _large(rounded).values():
            weight.copy_(weight.half().float())
    return rounded


def half_state(model: SegmentationModel) -> dict[str, Tensor]:
    """Return the state of `with_half_weights(model)` as it is stored: the rounded ones in fp16."""
    large = _large(model)
    return {
        name: tensor.half() if name in large else tensor
        for name, tensor in model.state_dict().items()
    }


def _large(model: SegmentationModel) -> dict[str, Tensor]:
    return {name: weight for name, weight in model.named_parameters() if weight.ndim > 1}
