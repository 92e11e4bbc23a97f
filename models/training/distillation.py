"""One network teaches itself: its average with all sensors is the target of every sensor subset.

Sources: AnySeg (arXiv 2411.17141) and RMMSS (arXiv 2505.12861) for the two losses, on logits and
on fused features; deviation: the teacher is the running average of the student, so that one
network is trained and shipped.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.training.config import DistillationConfig

STRIDE = 4
"""Every fourth pixel of the logits is compared, both ways: they come from stride 2 or 4."""


class FeatureTap:
    """Collects what some modules of a network return in forward passes, between start and stop.

    Args:
        modules: Those whose results are collected.
    """

    def __init__(self, modules: list[nn.Module]) -> None:
        self._modules = modules
        self._features: list[Tensor] = []
        self._hooks: list[RemovableHandle] = []

    def start(self) -> None:
        """Collect from here on."""
        self._hooks = [module.register_forward_hook(self._keep) for module in self._modules]

    def take(self) -> list[Tensor]:
        """Return the results since the last call, in order of the calls."""
        features, self._features = self._features, []
        return features

    def stop(self) -> None:
        """Collect no more."""
        for hook in self._hooks:
            hook.remove()

    def _keep(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self._features.append(output)


class Distillation:
    """The loss between a student that lacks sensors and its average that has all.

    Args:
        student: Network in training. teacher: Its running average.
        config: Weights of the two losses, temperature, first step.
    """

    def __init__(
        self, student: SegmentationModel, teacher: SegmentationModel, config: DistillationConfig
    ) -> None:
        self._config = config
        self._teacher = teacher
        taps = config.features > 0
        self._student_tap = FeatureTap(student.fused_modules() if taps else [])
        self._student_tap.start()
        self._teacher_tap = FeatureTap(teacher.fused_modules() if taps else [])

    def __call__(
        self,
        step: int,
        images_BMCHW: Tensor,
        has_all: bool,
        outputs: tuple[Tensor, ...],
    ) -> Tensor | None:
        """Return the loss of this step, or None if the teacher knows no more than the student.

        Args:
            step: Optimizer steps done.
            images_BMCHW: Normalized images, those of the student's forward pass just made.
            has_all: Whether every frame of the step, in all parts of it, has all sensors.
            outputs: The student's training logits, B x K x H x W each.
        """
        seen = self._student_tap.take()
        is_on = self._config.logits > 0 or self._config.features > 0
        if not is_on or step < self._config.start_step or has_all:
            return None
        target_BKHW, targets = self._teach(images_BMCHW)
        losses = [
            self._config.logits * logits_divergence(logits, target_BKHW, self._config.temperature)
            for logits in outputs
        ]
        for feature, target in zip(seen, targets, strict=True):
            losses.append(self._config.features * feature_distance(feature, target) / len(seen))
        return torch.stack(losses).sum()

    @torch.no_grad()
    def _teach(self, images_BMCHW: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the teacher's logits and fused features, given all sensors."""
        self._teacher_tap.start()  # only here: the average is also what validation runs
        target_BKHW = self._teacher.eval()(images_BMCHW)
        self._teacher_tap.stop()
        return target_BKHW, self._teacher_tap.take()


def logits_divergence(logits_BKHW: Tensor, target_BKHW: Tensor, temperature: float) -> Tensor:
    """Return the mean Kullback-Leibler divergence from the target's softened probabilities."""
    student = (logits_BKHW[:, :, ::STRIDE, ::STRIDE].float() / temperature).log_softmax(dim=1)
    teacher = (target_BKHW[:, :, ::STRIDE, ::STRIDE].float() / temperature).log_softmax(dim=1)
    divergence_BKHW = functional.kl_div(student, teacher, reduction='none', log_target=True)
    return divergence_BKHW.sum(dim=1).mean() * temperature**2


def feature_distance(feature_BCHW: Tensor, target_BCHW: Tensor) -> Tensor:
    """Return the mean squared difference over the target's mean square."""
    target_BCHW = target_BCHW.float()
    power = target_BCHW.square().mean().clamp(min=1e-6)
    return (feature_BCHW.float() - target_BCHW).square().mean() / power
