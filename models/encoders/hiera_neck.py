"""SAM 2's image encoder: Hiera and the feature pyramid behind it.

Source: Ravi et al., SAM 2 (arXiv 2408.00714), appendix C.1.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmseg_models.encoders.hiera import Hiera, HieraConfig
from mmseg_models.encoders.hiera_blocks import Qkv, QkvFactory
from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes


class HieraNeck(nn.Module):
    """Brings all maps to one width; only stride 16 hears from the coarser stride 32.

    Args:
        channels: Channels of the four maps, fine to coarse. dim: Channels behind the neck.
    """

    def __init__(self, channels: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(c, dim, 1) for c in channels)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Return the maps S x dim x H_i x W_i at strides 4, 8 and 16."""
        fine, middle, coarse, coarsest = (
            lateral(x) for lateral, x in zip(self.laterals, features, strict=True)
        )
        return [fine, middle, coarse + doubled(coarsest)]


def doubled(x_SCHW: Tensor) -> Tensor:
    """Return S x C x 2 H x 2 W, every pixel four times.

    As `interpolate` with the nearest neighbor, which TensorRT-RTX 1.7 does not build for maps
    of any size.
    """
    x = x_SCHW[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
    return merge_axes(merge_axes(x, 4, 5), 2, 3)


class ImageEncoder(nn.Module):
    """Trunk and neck.

    Args:
        config: Size. make_qkv: Makes each block's projection to queries, keys and values.
        recompute: See `Hiera`.
    """

    def __init__(
        self, config: HieraConfig, make_qkv: QkvFactory = Qkv, recompute: bool = False
    ) -> None:
        super().__init__()
        self.trunk = Hiera(config, make_qkv, recompute)
        self.neck = HieraNeck(config.channels, config.neck_dim)

    def forward(self, x_SCHW: Tensor, presence: Presence) -> list[Tensor]:
        """Return the maps S x dim x H_i x W_i at strides 4, 8 and 16."""
        result: list[Tensor] = self.neck(self.trunk(x_SCHW, presence))
        return result
