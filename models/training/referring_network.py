"""The referring network as it is trained, with its first weights."""

from __future__ import annotations

from torch import Tensor, nn

from mmseg_models.crossvlt import CrossVLT
from mmseg_models.crossvlt.model import Reading
from mmseg_models.crossvlt.pretrained import load_pretrained_text
from mmseg_models.reference_weights import load_pretrained_encoder
from mmseg_models.registry import create_referring_model
from mmseg_models.tensors import load_strict
from mmseg_models.training.referring_checkpoint import load_encoder, load_referring
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_ros.core.labels import load_label_space


class Trainee(nn.Module):
    """The network, and a layer that only training has: the class of every pixel.

    Args:
        network: What is trained. num_classes: Classes of the labels.
        learns_classes: Whether the layer is used.
    """

    def __init__(self, network: CrossVLT, num_classes: int, learns_classes: bool) -> None:
        super().__init__()
        self.network = network
        self.learns_classes = learns_classes
        self.classes = nn.Conv2d(network.classify.in_channels, num_classes, 1)

    def training_terms(
        self, images_B3HW: Tensor, token_ids_NL: Tensor, attention_mask_NL: Tensor
    ) -> tuple[Reading, Tensor | None]:
        """Return what the losses compare, and class logits N x K x H / 4 x W / 4 if learned."""
        reading = self.network.read(images_B3HW, token_ids_NL, attention_mask_NL)
        return reading, self.classes(reading.pixels) if self.learns_classes else None


def build_trainee(recipe: ReferringRecipe, vocabulary_size: int) -> Trainee:
    """Return the recipe's network with its first weights.

    Raises:
        ConfigError: There is no such referring network, an option is wrong, or weights do not fit.
        TrainingError: Weights cannot be read.
    """
    options = {'vocabulary_size': vocabulary_size, **recipe.options}
    network = create_referring_model(recipe.model, **options)
    if recipe.pretrained:
        load_pretrained_encoder(network, recipe.pretrained)
    if recipe.pretrained_text:
        load_pretrained_text(network, recipe.pretrained_text)
    if recipe.init_from:
        state = load_referring(recipe.init_from)[0].state_dict()
        load_strict(network, state, source=recipe.init_from)
    if recipe.encoder_from:
        load_encoder(network, recipe.encoder_from)
    num_classes = load_label_space().num_classes
    return Trainee(network, num_classes, learns_classes=recipe.loss.classes > 0)
