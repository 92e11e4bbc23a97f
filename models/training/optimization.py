"""AdamW without decay on one-dimensional tensors, warm-up and polynomial decay, weight average."""

from __future__ import annotations

from functools import partial

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mmseg_models.encoders.layers import PER_MODALITY_NORMS
from mmseg_models.training.run_config import OptimizerConfig


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> AdamW:
    """Return AdamW over all trainable tensors; biases and norms are not decayed.

    The encoder's own tensors learn at `encoder_factor` times the rate.
    """
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        {
            'params': [p for name, p in trainable if _place(name, p) == (in_encoder, is_decayed)],
            'lr': config.learning_rate * (config.encoder_factor if in_encoder else 1.0),
            'weight_decay': config.weight_decay if is_decayed else 0.0,
        }
        for in_encoder in (False, True)
        for is_decayed in (True, False)
    ]
    groups = [group for group in groups if group['params']]
    return AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), eps=1e-8)


def _place(name: str, parameter: nn.Parameter) -> tuple[bool, bool]:
    """Return whether a tensor belongs to the encoder's own weights, and whether it is decayed.

    What fusion adds to the encoder starts at random, like the decoder, and learns as fast.
    """
    name = name.removeprefix('network.')  # of a referring network in training
    is_per_modality = name.endswith(PER_MODALITY_NORMS)
    in_encoder = name.startswith('encoder.') and '.fusion.' not in name and not is_per_modality
    return in_encoder, parameter.ndim >= 2 and not is_per_modality


def warmup_poly(step: int, total: int, warmup: int, ratio: float, power: float) -> float:
    """Return the factor on the learning rate at `step`.

    Linear from `ratio` to 1 over `warmup` steps, then (1 - progress) ** power, which reaches 0 at
    `total`.
    """
    if step < warmup:
        return ratio + (1.0 - ratio) * step / warmup
    return float(max(0.0, 1.0 - (step - warmup) / (total - warmup)) ** power)


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
