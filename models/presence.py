"""Which modalities a forward pass computes, and how the present ones share the absent ones' part.

Shapes: B samples, M modalities of the model, A of them computed, S = A * B stacked modality-major.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmseg_models.shapes import is_tracing, merge_axes, split_axis
from mmseg_ros.core.errors import ConfigError


@dataclass(frozen=True)
class Presence:
    """The computed modalities of one batch.

    Attributes:
        members: Indices of the A computed modalities in the model's order, ascending.
        total: M, the number of modalities of the model.
        mask: A x B bool, which samples have them; None if every sample has all of them.
    """

    members: tuple[int, ...]
    total: int
    mask: Tensor | None = None

    def split(self, x_S: Tensor) -> Tensor:
        """Return S x ... as A x B x ... (a view)."""
        return split_axis(x_S, 0, (len(self.members), -1))

    def masked(self, x_S: Tensor) -> Tensor:
        """Return A x B x ... with zeros where a sample lacks the modality."""
        x_AB = self.split(x_S)
        return x_AB if self.mask is None else x_AB * _expand(self.mask, x_AB)

    def renormalized(self, x_S: Tensor) -> Tensor:
        """Return A x B x ..., absent zero and present scaled by M / present.

        The sum over A then has the magnitude that it has with all modalities present.
        """
        x_AB = self.split(x_S)
        if self.mask is None:
            scale = self.total / len(self.members)
            return x_AB if scale == 1.0 else x_AB * scale
        return x_AB * _expand(self.mask * (self.total / _count(self.mask)), x_AB)

    def scale_message(self, message_B: Tensor, position: int) -> Tensor:
        """Return what the member at `position` sends to one other modality, renormalized.

        With all M present each modality hears M - 1 others. With fewer, the messages of the
        present ones are scaled by (M - 1) / (present - 1), those of absent ones become zero.

        Args:
            message_B: B x ..., one message per sample.
            position: Index into `members`.
        """
        if self.mask is None:
            scale = (self.total - 1) / max(len(self.members) - 1, 1)
            return message_B if scale == 1.0 else message_B * scale
        others_B = (_count(self.mask) - 1).clamp(min=1)
        weight_B = self.mask[position] * ((self.total - 1) / others_B)
        return message_B * _expand(weight_B, message_B)


def gather_present(images_BMCHW: Tensor, available_BM: Tensor | None) -> tuple[Tensor, Presence]:
    """Stack the modalities that have to be computed, absent samples replaced by zeros.

    Modalities that no sample has are left out. While a graph is being traced for export all of
    them stay in and the mask decides at run time, so that one graph serves every subset.

    Args:
        images_BMCHW: Normalized network input.
        available_BM: bool; None means that everything is there.

    Returns:
        S x C x H x W, and what it holds.

    Raises:
        ConfigError: `available_BM` is not a B x M bool tensor, or a sample has no modality at all.
    """
    total = images_BMCHW.shape[1]
    members = tuple(range(total))
    if available_BM is None:
        return merge_axes(images_BMCHW.transpose(0, 1), 0, 1), Presence(members, total)
    _check_available(images_BMCHW, available_BM)
    if not (torch.compiler.is_compiling() or is_tracing()):
        _check_not_empty(available_BM)
        computed_M = available_BM.any(dim=0)
        if not computed_M.all():
            members = tuple(computed_M.nonzero().flatten().tolist())
            images_BMCHW = images_BMCHW[:, list(members)]
            available_BM = available_BM[:, list(members)]
        if available_BM.all():
            return merge_axes(images_BMCHW.transpose(0, 1), 0, 1), Presence(members, total)
    images_BMCHW = zero_filled(images_BMCHW, available_BM)
    presence = Presence(members, total, available_BM.T.to(images_BMCHW.device))
    return merge_axes(images_BMCHW.transpose(0, 1), 0, 1), presence


def zero_filled(images_BMCHW: Tensor, available_BM: Tensor) -> Tensor:
    """Return the images with zeros for absent modalities: the other way to test missing sensors.

    Passed to a model without `available`, every modality is computed and takes part, as in the
    benchmark of Liao et al. (arXiv 2503.18445); with `available` the branch is dropped instead.

    Args:
        images_BMCHW: Normalized network input.
        available_BM: bool.
    """
    _check_available(images_BMCHW, available_BM)
    zero = images_BMCHW.new_zeros(())
    return torch.where(available_BM[:, :, None, None, None], images_BMCHW, zero)


def _check_available(images_BMCHW: Tensor, available_BM: Tensor) -> None:
    expected = tuple(images_BMCHW.shape[:2])
    if available_BM.dtype != torch.bool or tuple(available_BM.shape) != expected:
        raise ConfigError(
            f'`available` is {available_BM.dtype} of shape {tuple(available_BM.shape)}; '
            f'pass a torch.bool tensor of shape {expected} (samples x modalities)'
        )


def _check_not_empty(available_BM: Tensor) -> None:
    if not available_BM.any(dim=1).all():
        empty = (~available_BM.any(dim=1)).nonzero().flatten().tolist()
        raise ConfigError(
            f'sample(s) {empty} of the batch have no modality at all; '
            'leave such samples out before calling the model'
        )


def _count(mask_AB: Tensor) -> Tensor:
    return mask_AB.sum(dim=0).clamp(min=1)


def _expand(weight: Tensor, like: Tensor) -> Tensor:
    trailing = (1,) * (like.ndim - weight.ndim)
    return weight.to(like.dtype).reshape(*weight.shape, *trailing)
