"""The recipe of a referring network, as typed dataclasses. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.simulated_data import SimulatedPart
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.parameters import Checked, parameter


@dataclass(frozen=True, kw_only=True)
class ReferringData(Checked):
    """What is learned from: `data.*`."""

    roots: list[str] = parameter(
        [], 'Folders of data sets with text prompts: in DeLiVER layout, or refcoco, refcoco+ or '
        'refcocog. All are trained on; the first is validated on.',
    )  # fmt: skip
    split_by: str = parameter('', 'RefCOCO family: who split it; empty takes unc or umd.')
    images_in: str = parameter(
        '', "RefCOCO family: folder of COCO's train2014 images; empty looks beside the data set."
    )
    simulate: list[SimulatedPart] = field(default_factory=list)
    """What is simulated into the first of `roots` where that folder is missing."""
    vocabulary: str = parameter('', 'File with one token per line; empty makes one.')
    height: int = parameter(192, 'Rows of the network input.', unit='px', low=32, high=8192)
    width: int = parameter(320, 'Columns of the network input.', unit='px', low=32, high=8192)
    max_tokens: int = parameter(20, 'Tokens of a sentence.', low=3, high=512)
    min_share: float = parameter(
        0.003, 'Share of the image that a target must cover to be learned.', low=0.0, high=1.0
    )
    images: int = parameter(4, 'Images per step, all processes together.', low=1, high=4096)
    sentences: int = parameter(3, 'Sentences per image.', low=1, high=64)
    workers: int = parameter(0, 'Processes that vary images; 0 does it inline.', low=0, high=256)


@dataclass(frozen=True, kw_only=True)
class ReferringAugmentation(Checked):
    """How they are varied: `augmentation.*`."""

    flip_probability: float = parameter(
        0.5, 'Chance of a mirrored image, with left and right swapped.', low=0.0, high=1.0
    )
    crop_probability: float = parameter(
        0.4, 'Chance of a part of the image, if a sentence allows it.', low=0.0, high=1.0
    )
    crop_min: float = parameter(
        0.5, 'Least side of a part over that of the image.', low=0.1, high=1.0
    )
    jitter_probability: float = parameter(0.5, 'Chance of other brightness.', low=0.0, high=1.0)
    jitter_strength: float = parameter(0.2, 'Range of the color factors.', low=0.0, high=0.9)
    rephrase_probability: float = parameter(
        0.3, 'Chance that a phrase is replaced by another.', low=0.0, high=1.0
    )
    unknown_probability: float = parameter(
        0.01, 'Chance that a token is hidden as an unknown word.', low=0.0, high=1.0
    )
    region_share: float = parameter(
        0.25, 'Share of text prompts about regions, where there are both.', low=0.0, high=1.0
    )


@dataclass(frozen=True, kw_only=True)
class ReferringLossConfig(Checked):
    """What is minimised: `loss.*`."""

    dice: float = parameter(
        1.0, 'Weight of the Dice loss; the reference has none.', low=0.0, high=100.0
    )
    classes: float = parameter(
        1.0, 'Weight of the class of every pixel, from an extra layer; at the end a fifth of it.',
        low=0.0, high=100.0,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ReferringRecipe(RunConfig):
    """One training run of a referring network."""

    task: str = parameter('referring', 'Tells `train` what it trains.', choices=('referring',))
    encoder_from: str = parameter(
        '', "Weights file (a bundle's model.safetensors) that the image encoder starts from."
    )
    pretrained: str = parameter(
        '',
        'Published weights of the image encoder, such as swin_base_patch4_window12_384_22k.pth.',
    )
    pretrained_text: str = parameter(
        '', "BERT's weights (model.safetensors or pytorch_model.bin) for the first text stage."
    )
    model: str = parameter('crossvlt', "A name of mmseg_models.list_models('referring').")
    options: dict[str, Any] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    """What a published recipe repeats: score, source, memory. Read by people only."""
    checkpoint_every: int = parameter(300, 'Steps between checkpoints.', low=1, high=10_000_000)
    validate_every: int = parameter(500, 'Steps between validations.', low=1, high=10_000_000)
    validate_samples: int = parameter(
        160,
        'Text prompts scored during training, evenly spaced; 0 takes all.',
        low=0,
        high=10_000_000,
    )
    data: ReferringData = field(default_factory=ReferringData)
    augmentation: ReferringAugmentation = field(default_factory=ReferringAugmentation)
    loss: ReferringLossConfig = field(default_factory=ReferringLossConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.data.roots:
            raise ConfigError("The recipe needs data.roots; give it as --data.roots '[PATH]'.")
