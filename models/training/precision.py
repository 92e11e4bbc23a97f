"""What the network computes in: fp32, or bf16 or fp16 beside fp32 weights."""

from __future__ import annotations

from typing import Any

import torch
from lightning_fabric.plugins.precision import MixedPrecision, Precision
from torch.amp.grad_scaler import GradScaler

from mmseg_ros.core.errors import TrainingError

LEAST_SCALE = 1.0
FIRST_SCALE = 2.0**10
"""It doubles every 2000 steps and halves when it was too large; PyTorch's 2**16 always is."""


def build_precision(name: str, device_type: str) -> Precision:
    """Return Fabric's plugin for `precision: fp32`, bf16 or fp16.

    Args:
        name: Which.
        device_type: cpu or cuda; fp16 scales the loss on either.
    """
    if name == 'fp32':
        return Precision()
    if name == 'bf16':
        return MixedPrecision('bf16-mixed', device_type)
    return MixedPrecision('16-mixed', device_type, GradScaler(device_type, FIRST_SCALE))


def scaler_of(precision: Any) -> GradScaler | None:
    """Return what scales the loss, or None if nothing has to."""
    scaler: GradScaler | None = getattr(precision, 'scaler', None)
    return scaler


def require_scale(scaler: GradScaler, step: int) -> None:
    """Check, after a step whose gradient was not finite, that a smaller scale may still help.

    Raises:
        TrainingError: The loss is no longer scaled and the gradient overflows nevertheless.
    """
    if scaler.get_scale() < LEAST_SCALE:
        raise TrainingError(
            f'The gradient does not fit into fp16 at step {step}, however the loss is scaled; '
            'choose --precision bf16, or lower optimizer.learning_rate.'
        )


def device_type() -> str:
    """Return cuda or cpu, as Fabric chooses."""
    return 'cuda' if torch.cuda.is_available() else 'cpu'
