"""SAM 2's mask decoder with one token per class, and the positions that it reads.

Source: Ravi et al., SAM 2 (arXiv 2408.00714), section 4 and appendix C.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.encoders.layers import to_map, to_tokens
from mmseg_models.mle_sam.two_way import TwoWayTransformer
from mmseg_models.shapes import merge_axes, shape_of, split_axis
from mmseg_ros.core.errors import ConfigError

NORM_EPS = 1e-6
FINE_DIVISOR, MIDDLE_DIVISOR = 8, 4
"""How much narrower the maps at strides 4 and 8 are than the one at stride 16."""
PRESENCE, QUALITY, FIRST_MASK = 0, 1, 2
"""Places of the tokens; the masks' tokens stand last."""


class Scores(NamedTuple):
    """What SAM 2 predicts beside its masks.

    Attributes:
        quality: B x K, predicted IoU of each mask.
        presence: B x 1, logit of an object being there.
    """

    quality: Tensor
    presence: Tensor


class ThreeLayers(nn.Module):
    """Three linear layers with ReLU between them.

    Args:
        dim: Channels in and hidden. dim_out: Channels out.
    """

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(dim, out) for out in (dim, dim, dim_out))

    def forward(self, x_BC: Tensor) -> Tensor:
        """Return B x dim_out."""
        first, second, last = self.layers
        result: Tensor = last(functional.relu(second(functional.relu(first(x_BC)))))
        return result


class FourierPosition(nn.Module):
    """Positions as sines and cosines of random directions, for a map of any size.

    Args:
        dim: Channels.
    """

    directions: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer('directions', torch.randn(2, dim // 2))

    def forward(self, height: int, width: int) -> Tensor:
        """Return 1 x (height * width) x C; coordinates are those of pixel centers in -1..1."""
        like = self.directions
        rows, columns = (
            (2 * torch.arange(size, device=like.device, dtype=torch.float32) + 1) / size - 1
            for size in (height, width)
        )
        place_HW2 = torch.stack(torch.meshgrid(columns, rows, indexing='xy'), dim=-1)
        angle_NC = 2 * math.pi * (merge_axes(place_HW2, 0, 1) @ like.float())
        return torch.cat([angle_NC.sin(), angle_NC.cos()], dim=1)[None].to(like.dtype)


class MaskDecoder(nn.Module):
    """One mask per token, without prompts.

    Args:
        dim: Channels of the map at stride 16. num_masks: Number of mask tokens K.
        with_scores: Keep SAM 2's heads for a mask's quality and an object's presence. Its own
            code replaces all masks by a constant where no object is predicted, which would take
            every gradient from a network that names classes: here nothing gates the masks.
    """

    def __init__(self, dim: int, num_masks: int, with_scores: bool = False) -> None:
        super().__init__()
        fine, middle = dim // FINE_DIVISOR, dim // MIDDLE_DIVISOR
        self.transformer = TwoWayTransformer(dim)
        self.presence_token = nn.Parameter(torch.randn(1, dim))
        self.quality_token = nn.Parameter(torch.randn(1, dim))
        self.mask_tokens = nn.Parameter(torch.randn(num_masks, dim))
        self.narrow_fine = nn.Conv2d(dim, fine, 1)
        self.narrow_middle = nn.Conv2d(dim, middle, 1)
        self.to_middle = nn.ConvTranspose2d(dim, middle, 2, 2)
        self.middle_norm = nn.LayerNorm(middle, eps=NORM_EPS)
        self.to_fine = nn.ConvTranspose2d(middle, fine, 2, 2)
        self.filters = nn.ModuleList(ThreeLayers(dim, fine) for _ in range(num_masks))
        self.quality = ThreeLayers(dim, num_masks) if with_scores else None
        self.presence = ThreeLayers(dim, 1) if with_scores else None

    def forward(self, pyramid: list[Tensor], place_1NC: Tensor) -> Tensor:
        """Return mask logits B x K x H / 4 x W / 4.

        Args:
            pyramid: B x C x H_i x W_i at strides 4, 8 and 16.
            place_1NC: Positions of the pixels at stride 16.
        """
        fine, middle, coarse = pyramid
        return self.decode(self.narrow_fine(fine), self.narrow_middle(middle), coarse, place_1NC)[
            0
        ]

    def decode(
        self, fine_BCHW: Tensor, middle_BCHW: Tensor, coarse_BCHW: Tensor, place_1NC: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return mask logits B x K x H / 4 x W / 4 and all tokens B x T x C.

        Args:
            fine_BCHW: Narrowed map at stride 4.
            middle_BCHW: Narrowed map at stride 8.
            coarse_BCHW: Map at stride 16.
            place_1NC: Positions of its pixels.
        """
        batch, _, *grid = shape_of(coarse_BCHW)
        tokens: list[Tensor] = [self.presence_token, self.quality_token, self.mask_tokens]
        tokens_BTC = torch.cat(tokens).expand(batch, -1, -1)
        image_BNC, _ = to_tokens(coarse_BCHW)
        tokens_BTC, image_BNC = self.transformer(tokens_BTC, image_BNC, place_1NC)
        x_BCHW = self.to_middle(to_map(image_BNC, (grid[0], grid[1]))) + middle_BCHW
        x_BCHW = self.middle_norm(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x_BCHW = functional.gelu(self.to_fine(functional.gelu(x_BCHW)) + fine_BCHW)
        filters_BKC = torch.stack(
            [net(tokens_BTC[:, FIRST_MASK + k]) for k, net in enumerate(self.filters)], dim=1
        )
        masks_BKN = filters_BKC @ merge_axes(x_BCHW, 2, 3)
        return split_axis(masks_BKN, 2, shape_of(x_BCHW)[2:]), tokens_BTC

    def scores(self, tokens_BTC: Tensor) -> Scores:
        """Return SAM 2's scores from the tokens that `decode` gave; needs `with_scores`."""
        if self.quality is None or self.presence is None:
            raise ConfigError('this mask decoder was built without scores')
        quality = self.quality(tokens_BTC[:, QUALITY]).sigmoid()
        return Scores(quality, self.presence(tokens_BTC[:, PRESENCE]))
