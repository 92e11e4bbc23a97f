"""GeminiFusion: two branches that mix pixel by pixel inside every attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmseg_models.decoders.segformer import SegFormerHead, standard_width
from mmseg_models.encoders import build_encoder, modality_norm, shared_norm
from mmseg_models.encoders.contract import Norms
from mmseg_models.encoders.layers import initialize
from mmseg_models.geminifusion.branches import BranchEncoder
from mmseg_models.geminifusion.fusion import NUM_BRANCHES, CrossAttention, GeminiBlock
from mmseg_models.geminifusion.reference import geminifusion_key
from mmseg_models.module_lists import module_list
from mmseg_models.presence import Presence
from mmseg_models.segmentation_model import SegmentationModel, resize_logits
from mmseg_ros.core.errors import ConfigError


class GeminiFusion(SegmentationModel):
    """GeminiFusion for two or more modalities; the first one is a branch of its own.

    Args:
        encoder: Name of the encoder, see `mmseg_models.encoders.ENCODERS`.
        modalities: Sensor names, in the order of the input.
        num_classes: Number of classes.
        decoder: `shared` by both branches (the paper), or `separate` ones.
        decoder_dim: Width of the decoder; None means 256 for MiT-B0 and B1, 128 for
            EfficientNet-Lite, else 512.
        drop_path: Stochastic depth rate of the last block.
        norm_eps: Added to the variance in layer norms.
        train_alpha: Whether the branches' weights in the ensemble are trained. The authors'
            NYUDv2 and SUN code leaves them at their start.
        freeze_batch_norm: Keep the decoder's batch norm at its running statistics in training,
            as the authors' NYUDv2 and SUN code does.
        unused_score_nets: Keep one score net per stage that nothing reads, as the authors'
            DeLiVER checkpoints with three and more modalities do.

    Raises:
        ConfigError: An option is unknown or out of range, or there is only one modality.

    Source: arXiv 2406.01210; deviations are listed in README.md beside this file.
    """

    reference_layouts = ('deliver', 'main')

    def __init__(
        self,
        encoder: str = 'mit_b2',
        modalities: Sequence[str] = ('rgb', 'depth', 'event', 'lidar'),
        num_classes: int = 25,
        decoder: Literal['shared', 'separate'] = 'shared',
        decoder_dim: int | None = None,
        drop_path: float = 0.2,
        norm_eps: float = 1e-6,
        train_alpha: bool = True,
        freeze_batch_norm: bool = False,
        unused_score_nets: bool = False,
    ) -> None:
        total = len(modalities)
        if total < NUM_BRANCHES:
            raise ConfigError(
                f'modalities are {tuple(modalities)}; GeminiFusion needs two or more'
            )
        if decoder not in ('shared', 'separate'):
            raise ConfigError(f'decoder is {decoder!r}; choose shared or separate')
        on_swin = encoder.startswith('swin')
        norms = _norms(on_swin, total, norm_eps)
        backbone = build_encoder(encoder, norms, GeminiBlock, drop_path, total)
        super().__init__(tuple(modalities), num_classes, backbone.size_divisor)
        self.encoder = BranchEncoder(backbone, total, int(unused_score_nets))
        if decoder_dim is None:
            decoder_dim = standard_width(encoder)
        count = 1 if decoder == 'shared' else NUM_BRANCHES
        self.heads = module_list(
            SegFormerHead(backbone.channels, decoder_dim, num_classes) for _ in range(count)
        )
        self.alpha = nn.Parameter(torch.ones(NUM_BRANCHES), requires_grad=train_alpha)
        self.on_swin = on_swin
        self.freeze_batch_norm = freeze_batch_norm
        self.apply(initialize)
        for module in self.modules():
            if isinstance(module, CrossAttention):
                nn.init.xavier_uniform_(module.inputs.weight)

    def train(self, mode: bool = True) -> GeminiFusion:
        """Set training mode; a frozen batch norm stays in evaluation mode."""
        super().train(mode)
        if self.freeze_batch_norm:
            for head in self.heads:
                head.norm.eval()
        return self

    def segment(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return the ensemble's logits B x K x H / 4 x W / 4."""
        features, branches = self.encoder(x_SCHW, presence)
        return self.ensemble(self.branch_logits(features, branches), branches)

    def training_logits(
        self, images_BMCHW: Tensor, available_BM: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the logits of both branches and of the ensemble, B x K x H x W each.

        As in the paper the ensemble's loss trains only `alpha`. A sample that lacks a branch has
        the other branch's logits in its place.
        """
        features, branches = self.encoder(*self.prepare(images_BMCHW, available_BM))
        logits = self.branch_logits(features, branches)
        if len(logits) == 1:
            return (resize_logits(logits[0], images_BMCHW),)
        ensemble = self.ensemble([branch.detach() for branch in logits], branches)
        if branches.mask is not None:
            has = branches.mask[:, :, None, None, None]
            first, second = logits
            logits = [torch.where(has[0], first, second), torch.where(has[1], second, first)]
        return tuple(resize_logits(x, images_BMCHW) for x in (*logits, ensemble))

    def branch_logits(self, features: list[Tensor], branches: Presence) -> list[Tensor]:
        """Return each computed branch's logits B x K x H / 4 x W / 4."""
        per_branch = zip(*(branches.split(feature) for feature in features), strict=True)
        return [
            self.heads[branch % len(self.heads)](list(maps))
            for branch, maps in zip(branches.members, per_branch, strict=True)
        ]

    def ensemble(self, logits: list[Tensor], branches: Presence) -> Tensor:
        """Return the branches' mean, weighted by the softmax of `alpha` over the present ones."""
        if len(logits) == 1:
            return logits[0]
        if branches.mask is None:
            weight = self.alpha.softmax(dim=0)[:, None]
        else:
            score = self.alpha[:, None].masked_fill(~branches.mask, -torch.inf)
            # A sample without any branch can only occur in an exported graph; it stays finite.
            weight = score.softmax(dim=0).nan_to_num()
        first, second = (w[:, None, None, None] for w in weight)
        result: Tensor = first * logits[0] + second * logits[1]
        return result

    def reference_key(self, key: str, layout: str = 'deliver') -> str:
        """Return the authors' name of the tensor `key` in their DeLiVER or main code."""
        return geminifusion_key(key, layout, on_swin=self.on_swin)


def _norms(on_swin: bool, total: int, eps: float) -> Norms:
    embed = modality_norm(total, eps)
    per_branch = modality_norm(NUM_BRANCHES, eps)
    block = shared_norm(eps) if on_swin else per_branch
    return Norms(embed, block, per_branch)
