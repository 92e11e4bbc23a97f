"""MLE-SAM: SAM 2 with low-rank experts per modality, a router and two prediction pathways."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from mmseg_models.decoders.segformer import SegFormerHead
from mmseg_models.encoders.hiera import HIERA_CONFIGS, Hiera
from mmseg_models.encoders.hiera_blocks import Qkv, QkvFactory
from mmseg_models.encoders.hiera_neck import ImageEncoder
from mmseg_models.encoders.layers import initialize
from mmseg_models.mle_sam.experts import LoraQkv, MergedQkv
from mmseg_models.mle_sam.mask_decoder import FourierPosition, MaskDecoder
from mmseg_models.mle_sam.reference import mle_sam_key
from mmseg_models.mle_sam.router import (
    SHARINGS,
    Router,
    Routing,
    Sharing,
    balance_penalty,
    equal_weights,
    reported_weights,
    weighted_sum,
)
from mmseg_models.presence import Presence
from mmseg_models.segmentation_model import SegmentationModel, resize_logits
from mmseg_models.shapes import shape_of
from mmseg_ros.core.errors import ConfigError

NUM_LEVELS = 3
AUXILIARIES = ('unified', 'weighted', 'none')
EXPERTS = ('lora', 'merged')


class MleSam(SegmentationModel):
    """MLE-SAM for any number of modalities.

    Args:
        encoder: Size of SAM 2's image encoder, see `HIERA_CONFIGS`.
        modalities: Sensor names, in the order of the input.
        num_classes: Number of classes.
        rank: Width of the experts; 0 leaves them out.
        experts: `lora` corrections beside the frozen weights, or `merged` with them (for
            deployment: see `merge_experts`).
        top_k: How many modalities the router lets through per level; None means all.
        router: Who has a gate of its own, see `Router`; `mean` weights all alike.
        balance_weight: Weight of the penalty on unequal use of the modalities in training.
        auxiliary: What the second pathway reads: the `unified` mean of the present modalities,
            the router's `weighted` sum, or `none`: no second pathway.
        pathway_losses: Also take the loss of each pathway by itself in training.
        train_base: Train the encoder too, instead of only experts, router and heads.
        recompute: Save memory in training: compute each block again in the backward pass.

    Raises:
        ConfigError: An option is unknown or out of range.

    Source: arXiv 2412.04220; what it leaves open is decided in README.md beside this file.
    """

    reference_layouts = ('sam2',)
    has_router = True

    def __init__(
        self,
        encoder: str = 'hiera_base_plus',
        modalities: Sequence[str] = ('rgb', 'depth', 'event', 'lidar'),
        num_classes: int = 25,
        rank: int = 32,
        experts: Literal['lora', 'merged'] = 'lora',
        top_k: int | None = None,
        router: Sharing = 'level',
        balance_weight: float = 0.0,
        auxiliary: Literal['unified', 'weighted', 'none'] = 'unified',
        pathway_losses: bool = False,
        train_base: bool = False,
        recompute: bool = False,
    ) -> None:
        _check_options(encoder, rank, experts, top_k, router, balance_weight, auxiliary)
        super().__init__(tuple(modalities), num_classes, Hiera.size_divisor)
        total, config = len(modalities), HIERA_CONFIGS[encoder]
        self.balance_weight = balance_weight
        self.auxiliary_reads = auxiliary
        self.pathway_losses = pathway_losses
        dim = config.neck_dim
        self.encoder = ImageEncoder(config, _qkv_factory(experts, rank, total), recompute)
        self.no_memory = nn.Parameter(torch.zeros(1, 1, dim))
        self.no_mask = nn.Parameter(torch.zeros(1, dim))
        self.position = FourierPosition(dim)
        self.router = Router(dim, total, NUM_LEVELS, router, top_k or total)
        self.decoder = MaskDecoder(dim, num_classes)
        self.auxiliary = (
            None if auxiliary == 'none' else SegFormerHead((dim,) * NUM_LEVELS, dim, num_classes)
        )
        self.encoder.apply(initialize)
        if self.auxiliary is not None:
            self.auxiliary.apply(initialize)
        if not train_base:
            self._freeze_base()

    def segment(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return logits B x K x H / 4 x W / 4: the sum of both pathways."""
        return self.segment_and_route(x_SCHW, presence)[0]

    def segment_and_route(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Tensor]:
        """Return the logits, and B x M how much the router lets each modality count."""
        pyramid = self.encoder(x_SCHW, presence)
        routing = self.router(pyramid, presence)
        found = self.pathways(pyramid, routing, presence)
        return sum(found[1:], found[0]), reported_weights(routing, presence)

    def pathways(
        self, pyramid: list[Tensor], routing: Routing, presence: Presence
    ) -> list[Tensor]:
        """Return the mask decoder's logits and, if there is one, the auxiliary head's.

        Args:
            pyramid: Features of each modality, S x C x H_i x W_i at strides 4, 8 and 16.
            routing: The router's weights.
            presence: What S holds.
        """
        weighted = [
            weighted_sum(x, weight_AB, presence)
            for x, weight_AB in zip(pyramid, routing.weights, strict=True)
        ]
        found = [self._decode(weighted)]
        if self.auxiliary is not None:
            if self.auxiliary_reads == 'unified':
                equal_AB = equal_weights(routing, presence)
                weighted = [weighted_sum(x, equal_AB, presence) for x in pyramid]
            found.append(self.auxiliary(weighted))
        return found

    def training_logits(
        self, images_BMCHW: Tensor, available_BM: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the logits B x K x H x W whose losses are added up; arguments as `forward`."""
        return self.training_terms(images_BMCHW, available_BM)[0]

    def training_terms(
        self, images_BMCHW: Tensor, available_BM: Tensor | None = None
    ) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """Return the training logits and the weighted penalty on unequal routing, if wanted."""
        x_SCHW, presence = self.prepare(images_BMCHW, available_BM)
        pyramid = self.encoder(x_SCHW, presence)
        routing = self.router(pyramid, presence)
        found = self.pathways(pyramid, routing, presence)
        logits = [sum(found[1:], found[0]), *(found if self.pathway_losses else [])]
        penalty = None
        if self.balance_weight:
            penalty = self.balance_weight * balance_penalty(routing, presence)
        return tuple(resize_logits(x, images_BMCHW) for x in logits), penalty

    def reference_key(self, key: str, layout: str = 'sam2') -> str:
        """Return the name of the tensor `key` in SAM 2's checkpoints; additions in their style."""
        return mle_sam_key(key)

    def _decode(self, pyramid: list[Tensor]) -> Tensor:
        fine, middle, coarse = pyramid
        # What SAM 2 adds for an image without prompts and without frames before it.
        coarse = coarse + (self.no_memory[0] + self.no_mask)[..., None, None]
        place_1NC = self.position(*shape_of(coarse)[2:])
        result: Tensor = self.decoder([fine, middle, coarse], place_1NC)
        return result

    def _freeze_base(self) -> None:
        for parameter in (self.no_memory, self.no_mask, *self.encoder.parameters()):
            parameter.requires_grad_(False)
        for module in self.encoder.modules():
            if isinstance(module, LoraQkv):
                module.down_MRC.requires_grad_(True)
                module.up_MRC.requires_grad_(True)


def _qkv_factory(experts: str, rank: int, total: int) -> QkvFactory:
    if rank == 0:
        return Qkv
    if experts == 'merged':
        return partial(MergedQkv, total=total)
    return partial(LoraQkv, total=total, rank=rank)


def _check_options(
    encoder: str,
    rank: int,
    experts: str,
    top_k: int | None,
    router: str,
    balance_weight: float,
    auxiliary: str,
) -> None:
    if encoder not in HIERA_CONFIGS:
        raise ConfigError(f'unknown encoder {encoder!r}; choose one of {", ".join(HIERA_CONFIGS)}')
    choices = (('experts', experts, EXPERTS), ('router', router, SHARINGS))
    for name, value, known in (*choices, ('auxiliary', auxiliary, AUXILIARIES)):
        if value not in known:
            raise ConfigError(f'{name} is {value!r}; choose one of {", ".join(known)}')
    if rank < 0 or balance_weight < 0 or (top_k is not None and top_k < 1):
        raise ConfigError(
            f'rank is {rank}, top_k {top_k} and balance_weight {balance_weight}; choose '
            'rank >= 0, top_k >= 1 or None, and balance_weight >= 0'
        )
