"""AdamW without decay on one-dimensional tensors, warm-up and polynomial decay, weight average."""

from __future__ import annotations

from functools import partial

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mmseg_models.training.config import OptimizerConfig


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> AdamW:
    """Return AdamW over all trainable tensors; biases and norms are not decayed."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {
            'params': [parameter for parameter in trainable if parameter.ndim >= 2],
            'weight_decay': config.weight_decay,
        },
        {
            'params': [parameter for parameter in trainable if parameter.ndim < 2],
            'weight_decay': 0.0,
        },
    ]
    return AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), eps=1e-8)


def warmup_poly(step: int, total: int, warmup: int, ratio: float, power: float) -> float:
    """Return the factor on the learning rate at `step`.

    Linear from `ratio` to 1 over `warmup` steps, then (1 - progress) ** power, which reaches 0 at
    `total`.
    """
    if step < warmup:
        return ratio + (1.0 - ratio) * step / warmup
    return max(0.0, 1.0 - (step - warmup) / (total - warmup)) ** power


def build_schedule(optimizer: Optimizer, config: OptimizerConfig, steps: int) -> LambdaLR:
    """Return the schedule that is stepped once after every optimizer step."""
    factor = partial(
        warmup_poly,
        total=steps,
        warmup=config.warmup_steps,
        ratio=config.warmup_ratio,
        power=config.power,
    )
    return LambdaLR(optimizer, factor)


def build_average(model: nn.Module, config: OptimizerConfig) -> AveragedModel:
    """Return the exponential moving average of all weights and buffers; it starts as a copy."""
    return AveragedModel(
        model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True
    )
