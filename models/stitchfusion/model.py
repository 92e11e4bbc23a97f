"""StitchFusion: one encoder shared by all modalities, stitched together by low-rank adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from mmseg_models.decoders.detail import DETAIL_WIDTH, DetailHead
from mmseg_models.decoders.segformer import SegFormerHead, standard_width
from mmseg_models.encoders import build_encoder, shared_norm
from mmseg_models.encoders.contract import BlockFusion, BlockSite, Norms
from mmseg_models.encoders.efficientnet import EfficientNetEncoder
from mmseg_models.encoders.layers import initialize
from mmseg_models.presence import Presence
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.stitchfusion.feature_fusion import FeatureFusion, MeanProjection, SumFusion
from mmseg_models.stitchfusion.fusion import (
    ADAPTER_KINDS,
    SOURCES,
    AdapterKind,
    Source,
    StitchBlock,
)
from mmseg_models.stitchfusion.reference import stitchfusion_key
from mmseg_ros.core.errors import ConfigError

NUM_STAGES = 4
DETAIL_HEAD_WIDTH = 64


class StitchFusion(SegmentationModel):
    """StitchFusion for any number of modalities.

    Args:
        encoder: Name of the encoder, see `mmseg_models.encoders.ENCODERS`.
        modalities: Sensor names, in the order of the input.
        num_classes: Number of classes.
        adapter: One kind for all stages, or one per stage (`none` switches a stage off).
        fuse: `sum` of the maps, or the feature fusion module `ffm`.
        source: Which tokens the adapters read, see `StitchBlock`. The authors' checkpoints need
            `sequential`.
        rank: Width of the adapters.
        adapter_dropout: Dropout rate inside the adapters.
        decoder: `segformer`, or the light `detail`, which ends at half the input's size and
            needs an EfficientNet; None takes the second where it can.
        decoder_dim: Width of the decoder; None means 64 for `detail`, 256 for MiT-B0 and B1,
            else 512.
        drop_path: Stochastic depth rate of the last block.
        norm_eps: Added to the variance in layer norms.
        freeze_encoder: Train only adapters, feature fusion and decoder.

    Raises:
        ConfigError: An option is unknown or out of range.

    Source: arXiv 2408.01343; deviations are listed in README.md beside this file.
    """

    def __init__(
        self,
        encoder: str = 'mit_b2',
        modalities: Sequence[str] = ('rgb', 'depth', 'event', 'lidar'),
        num_classes: int = 25,
        adapter: AdapterKind | Sequence[AdapterKind] = 'bidirectional',
        fuse: Literal['sum', 'ffm'] = 'sum',
        source: Source = 'sequential',
        rank: int = 8,
        adapter_dropout: float = 0.1,
        decoder: Literal['segformer', 'detail'] | None = None,
        decoder_dim: int | None = None,
        drop_path: float = 0.1,
        norm_eps: float = 1e-5,
        freeze_encoder: bool = False,
    ) -> None:
        kinds = _kinds_per_stage(adapter)
        _check_options(fuse, source, rank, adapter_dropout)
        total = len(modalities)

        def block_fusion(site: BlockSite) -> BlockFusion:
            kind = kinds[site.stage]
            if kind == 'none' or total == 1:
                return BlockFusion()
            return StitchBlock(site, kind, total, rank, adapter_dropout, source)

        norm = shared_norm(norm_eps)
        norms = Norms(norm, norm, norm)
        backbone = build_encoder(encoder, norms, block_fusion, drop_path, total)
        super().__init__(tuple(modalities), num_classes, backbone.size_divisor)
        self.encoder = backbone
        self.decoder = decoder or ('detail' if _is_efficientnet(backbone) else 'segformer')
        self._build_decoder(fuse, decoder_dim or _decoder_width(encoder, self.decoder))
        self.apply(initialize)
        if freeze_encoder:
            _freeze_all_but_fusion(backbone)

    def _build_decoder(self, fuse: str, width: int) -> None:
        total, channels = len(self.modalities), self.encoder.channels
        if self.decoder == 'segformer':
            self.fuse = nn.ModuleList(
                FeatureFusion(dim, total) if fuse == 'ffm' else SumFusion() for dim in channels
            )
            self.head: nn.Module = SegFormerHead(channels, width, self.num_classes)
            return
        if not isinstance(self.encoder, EfficientNetEncoder) or fuse != 'sum':
            raise ConfigError(
                "decoder 'detail' needs an EfficientNet encoder, for its map at stride 2, and "
                "fuse 'sum'"
            )
        self.fuse = nn.ModuleList(MeanProjection(dim, total, width) for dim in channels)
        self.fuse_detail = MeanProjection(self.encoder.detail_channels, total, DETAIL_WIDTH)
        self.head = DetailHead(width, DETAIL_WIDTH, self.num_classes)

    def segment(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return logits B x K at a quarter of the input's size, or half with `detail`."""
        return self.decode(*self._fuse_all(x_SCHW, presence))

    def decode(self, features: list[Tensor], detail_BDHW: Tensor | None) -> Tensor:
        """Return the logits of fused maps; the `detail` decoder reads one at stride 2 too."""
        result: Tensor = (
            self.head(features) if detail_BDHW is None else self.head(features, detail_BDHW)
        )
        return result

    def fused_modules(self) -> list[nn.Module]:
        """Return the modules that make one map of all modalities', fine to coarse."""
        return list(self.fuse)

    def _fuse_all(self, x_SCHW: Tensor, presence: Presence) -> tuple[list[Tensor], Tensor | None]:
        first_SCHW = self.encoder.prepare(x_SCHW, presence)
        features = self.encoder.run_stages(first_SCHW, presence)
        fused = [fuse(x, presence) for fuse, x in zip(self.fuse, features, strict=True)]
        has_detail = self.decoder == 'detail'
        return fused, self.fuse_detail(first_SCHW, presence) if has_detail else None

    def reference_key(self, key: str, layout: str = 'authors') -> str:
        """Return the authors' name of the tensor `key`; they have one layout."""
        return stitchfusion_key(key)


def _is_efficientnet(encoder: nn.Module) -> bool:
    return isinstance(encoder, EfficientNetEncoder)


def _decoder_width(encoder: str, decoder: str) -> int:
    return DETAIL_HEAD_WIDTH if decoder == 'detail' else standard_width(encoder)


def _kinds_per_stage(adapter: AdapterKind | Sequence[AdapterKind]) -> list[AdapterKind]:
    kinds = [adapter] * NUM_STAGES if isinstance(adapter, str) else list(adapter)
    if len(kinds) != NUM_STAGES or not set(kinds) <= set(ADAPTER_KINDS):
        raise ConfigError(
            f'adapter is {adapter!r}; give one of {", ".join(ADAPTER_KINDS)}, '
            f'or {NUM_STAGES} of them, one per stage'
        )
    return kinds


def _check_options(fuse: str, source: str, rank: int, dropout: float) -> None:
    if fuse not in ('sum', 'ffm'):
        raise ConfigError(f'fuse is {fuse!r}; choose sum or ffm')
    if source not in SOURCES:
        raise ConfigError(f'source is {source!r}; choose one of {", ".join(SOURCES)}')
    if rank < 1 or not 0.0 <= dropout < 1.0:
        raise ConfigError(
            f'rank is {rank} and adapter_dropout {dropout}; choose rank >= 1 and a rate in [0, 1)'
        )


def _freeze_all_but_fusion(encoder: nn.Module) -> None:
    for name, parameter in encoder.named_parameters():
        if '.fusion.' not in name:
            parameter.requires_grad_(False)
