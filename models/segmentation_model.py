"""Base of the models that turn aligned sensor images into classes per pixel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.network import Network
from mmseg_models.presence import Presence, gather_present
from mmseg_ros.core.errors import ConfigError


class SegmentationModel(Network):
    """Checks and stacks the input, calls `segment`, brings the logits to the input's size.

    Args:
        modalities: Names in the order of the input's second axis.
        num_classes: Number of classes K.
        size_divisor: Input height and width must be multiples of it.

    Attributes:
        has_router: Whether the model weights its modalities and tells the weights.
    """

    has_router = False

    def __init__(self, modalities: tuple[str, ...], num_classes: int, size_divisor: int) -> None:
        super().__init__(size_divisor)
        if not modalities or len(set(modalities)) != len(modalities):
            raise ConfigError(f'modalities are {modalities}; give each sensor once, at least one')
        if num_classes < 1:
            raise ConfigError(f'num_classes is {num_classes}; give at least one')
        self.modalities = tuple(modalities)
        self.num_classes = num_classes

    def forward(self, images_BMCHW: Tensor, available_BM: Tensor | None = None) -> Tensor:
        """Return logits B x K x H x W.

        Args:
            images_BMCHW: float32, normalized, three channels per modality. What stands at an
                absent modality has no influence on the result.
            available_BM: bool, which modalities each sample has; None means all.

        Raises:
            ConfigError: The shape does not fit the model, or a sample has no modality.
        """
        logits_BKHW = self.segment(*self.prepare(images_BMCHW, available_BM))
        return resize_logits(logits_BKHW, images_BMCHW)

    def training_logits(
        self, images_BMCHW: Tensor, available_BM: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return all logits whose losses are added up in training; arguments as `forward`."""
        return (self(images_BMCHW, available_BM),)

    def training_terms(
        self, images_BMCHW: Tensor, available_BM: Tensor | None = None
    ) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """Return the training logits, and a penalty that is added to their loss or None."""
        return self.training_logits(images_BMCHW, available_BM), None

    def fused_modules(self) -> list[nn.Module]:
        """Return the modules whose results hold all modalities, one per scale; [] if none do."""
        return []

    def segment(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return logits at a quarter of the input's size."""
        raise NotImplementedError

    def segment_and_route(
        self, x_SCHW: Tensor, presence: Presence
    ) -> tuple[Tensor, Tensor | None]:
        """Return the logits, and B x M how much each modality counted; None without a router."""
        return self.segment(x_SCHW, presence), None

    def prepare(
        self, images_BMCHW: Tensor, available_BM: Tensor | None
    ) -> tuple[Tensor, Presence]:
        """Return the stacked images of the present modalities; checks as in `forward`."""
        self._check_shape(tuple(images_BMCHW.shape))
        return gather_present(images_BMCHW, available_BM)

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        total = len(self.modalities)
        if len(shape) != 5 or shape[1] != total or shape[2] != 3:
            raise ConfigError(
                f'images have shape {shape}; expected batch x {total} modalities '
                f'({", ".join(self.modalities)}) x 3 channels x height x width'
            )
        self.check_size(*shape[3:])


def resize_logits(logits_BKHW: Tensor, images_BMCHW: Tensor) -> Tensor:
    """Return logits at the height and width of the images, bilinear."""
    return functional.interpolate(logits_BKHW, size=images_BMCHW.shape[-2:], mode='bilinear')
