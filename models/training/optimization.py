"""AdamW without decay on one-dimensional tensors, warm-up and polynomial decay, weight average."""

from __future__ import annotations

import re
from functools import partial

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mmseg_models.encoders.layers import PER_MODALITY_NORMS
from mmseg_models.training.run_config import OptimizerConfig
from mmseg_ros.core.errors import ConfigError


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> AdamW:
    """Return AdamW over all trainable tensors; biases and norms are not decayed.

    The encoder's own tensors learn at `encoder_factor` times the rate, those of its earlier stages
    at `layer_decay` times the rate of the next stage; what comes before the first stage counts as
    one more.

    Raises:
        ConfigError: `layer_decay` is asked for and the encoder has no stages.
    """
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    stages = 1 + max(_stage(name) for name, _ in model.named_parameters())
    if config.layer_decay == 1.0:
        stages = 0
    elif not stages:
        raise ConfigError(
            "optimizer.layer_decay needs an encoder in stages, which this network's is not; leave "
            'it at 1.'
        )
    places = [_place(name, p, stages) for name, p in trainable]
    groups = [
        {
            'params': [p for (_, p), place in zip(trainable, places, strict=True) if place == key],
            'lr': config.learning_rate * _factor(key[0], config),
            'weight_decay': 0.0 if key[1] else config.weight_decay,
        }
        for key in sorted(set(places))
    ]
    return AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), eps=1e-8)


def _place(name: str, parameter: nn.Parameter, stages: int) -> tuple[int, bool]:
    """Return how deep in the encoder a tensor lies, and whether it is not decayed.

    Depth 0 is outside of it, 1 its last stage, `stages` + 1 what comes before the first; without
    stages all of it has depth 1. What fusion adds to the encoder starts at random, like the
    decoder, and learns as fast.
    """
    name = _own_name(name)
    is_per_modality = name.endswith(PER_MODALITY_NORMS)
    is_plain = parameter.ndim < 2 or is_per_modality
    if not name.startswith('encoder.') or '.fusion.' in name or is_per_modality:
        return 0, is_plain
    return max(stages - _stage(name), 1), is_plain


def _factor(depth: int, config: OptimizerConfig) -> float:
    """Return the factor on the learning rate at a depth of the encoder."""
    return config.encoder_factor * config.layer_decay ** (depth - 1) if depth else 1.0


def _stage(name: str) -> int:
    """Return the stage of an encoder's tensor, from 0, or -1 before the first."""
    found = re.match(r'encoder\.stages\.(\d+)\.', _own_name(name))
    return int(found[1]) if found else -1


def _own_name(name: str) -> str:
    return name.removeprefix('network.')  # of a referring network in training


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


def follow_schedule(schedule: LambdaLR) -> None:
    """Set the rates to what the schedule says at its step, whatever they were."""
    pairs = zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)
    rates = [base * factor(schedule.last_epoch) for base, factor in pairs]
    for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
        group['lr'] = rate
    schedule._last_lr = rates


def build_average(model: nn.Module, config: OptimizerConfig) -> AveragedModel:
    """Return the exponential moving average of all weights and buffers; it starts as a copy."""
    return AveragedModel(
        model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True
    )
