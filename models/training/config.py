"""The recipe of a segmentation network, as typed dataclasses. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.simulated_data import SimulatedPart
from mmseg_ros.core.aspects import ASPECTS, DEFAULT_ASPECT
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.modalities import STANDARD_ENCODINGS
from mmseg_ros.core.parameters import Checked, parameter
from mmseg_ros.datasets.options import BAD_FILE_ACTIONS, PROTOCOLS

LOSSES = ('ohem', 'cross_entropy', 'dice', 'lovasz')
FROM_FREQUENCIES = 'from_frequencies'
MAX_LOSS_WEIGHT = 1000.0
METRICS = ('miou', 'accuracy', 'loss')
LEAST_SCALE, LARGEST_SCALE = 0.1, 10.0


@dataclass(frozen=True, kw_only=True)
class DataConfig(Checked):
    """What is learned from: `data.*`."""

    root: str = parameter('', 'Folder of the data set.')
    format: str = parameter('auto', 'Layout of the folder; auto finds it by looking.')
    modalities: list[str] = parameter(
        ['rgb', 'depth', 'event', 'lidar'], 'Modalities of the network, in order.'
    )
    encodings: dict[str, str] = field(default_factory=lambda: dict(STANDARD_ENCODINGS))
    value_ranges: dict[str, list[float]] = field(default_factory=dict)
    label_space: str = parameter('deliver', 'Name or YAML file of the label space.')
    train_split: str = parameter('train', 'Split that is learned from.')
    val_split: str = parameter('val', 'Split that is scored; sets without val name another.')
    protocol: str = parameter(
        'correct',
        'legacy reads the data as a published table did, where that deviates (check-data tells).',
        choices=PROTOCOLS,
    )
    on_bad_file: str = parameter(
        'stop',
        'A missing or damaged file ends the run, or is named and its frame does not count.',
        choices=BAD_FILE_ACTIONS,
    )
    conditions: list[str] = parameter([], 'Condition folders to use; none given takes all.')
    height: int = parameter(192, 'Rows of the network input.', unit='px', low=32, high=8192)
    width: int = parameter(320, 'Columns of the network input.', unit='px', low=32, high=8192)
    aspect: str = parameter(
        DEFAULT_ASPECT,
        'What becomes of images of another shape than the network input; give the node the same '
        'model.aspect.',
        choices=ASPECTS,
    )
    statistics: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    rare_frames: float = parameter(
        0.0,
        'Share of the frames that are drawn for the rare classes they show, not in turn.',
        low=0.0,
        high=1.0,
    )
    workers: int = parameter(0, 'Processes that load frames; 0 loads inline.', low=0, high=256)
    simulate: list[SimulatedPart] = field(default_factory=list)
    """What is simulated into `root` where that folder is missing."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Checked):
    """Which network: `model.*`."""

    name: str = parameter('stitchfusion', 'A name of mmseg_models.list_models().')
    options: dict[str, Any] = field(default_factory=dict)
    pretrained: str = parameter(
        '', "Published weights of the encoder; for mle_sam, SAM 2's or those of export_base."
    )
    batch_norm: str = parameter(
        'batch',
        'What batch norms use in training: the statistics of the batch, which are those of its '
        'sensor subset, or the running ones, as every subset will in deployment.',
        choices=('batch', 'running'),
    )


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig(Checked):
    """How frames are varied: `augmentation.*`."""

    crop_height: int = parameter(
        0, 'Rows learned from at a time; 0 takes those of the network input.', low=0, high=8192
    )
    crop_width: int = parameter(0, 'The same for columns.', low=0, high=8192)
    scale_min: float = parameter(0.5, 'Smallest random scale.', low=0.1, high=10.0)
    scale_max: float = parameter(2.0, 'Largest random scale.', low=0.1, high=10.0)
    flip_probability: float = parameter(0.5, 'Chance of a mirrored frame.', low=0.0, high=1.0)
    jitter_probability: float = parameter(0.2, 'Chance of other colors.', low=0.0, high=1.0)
    jitter_strength: float = parameter(0.5, 'Range of the color factors.', low=0.0, high=1.0)
    blur_probability: float = parameter(0.2, 'Chance of a blurred image.', low=0.0, high=1.0)
    darkening_probability: float = parameter(
        0.0, 'Chance that the camera image loses light, down to black.', low=0.0, high=1.0
    )
    copy_paste_probability: float = parameter(
        0.0, "Chance that another frame's objects of rare classes are put in.", low=0.0, high=1.0
    )
    age_probability: float = parameter(
        0.0,
        'Chance of each LiDAR and depth plane to be older than the camera image, as held scans '
        'are.',
        low=0.0,
        high=1.0,
    )
    age_max_s: float = parameter(0.1, 'Largest such age, seconds.', low=0.0, high=2.0)
    speed_max_mps: float = parameter(
        15.0, 'Largest speed of the vehicle meanwhile, meters per second.', low=0.0, high=60.0
    )
    misalign_probability: float = parameter(
        0.0,
        'Chance of each depth, event and LiDAR plane to be shifted and turned a little.',
        low=0.0,
        high=1.0,
    )
    misalign_px: float = parameter(
        2.0, 'Largest shift per axis, pixels of the data.', low=0.0, high=100.0
    )
    misalign_deg: float = parameter(0.5, 'Largest turn, degrees.', low=0.0, high=45.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale_min > self.scale_max:
            raise ConfigError(
                f'Expected augmentation.scale_min <= scale_max, but got {self.scale_min} and '
                f'{self.scale_max}.'
            )


@dataclass(frozen=True, kw_only=True)
class ModalityDropoutConfig(Checked):
    """How often the network must do without some sensors: `modality_dropout.*`."""

    probability: float = parameter(
        0.6, 'Chance that only a proper subset of the modalities is given.', low=0.0, high=1.0
    )
    ramp_steps: int = parameter(
        0, 'Steps over which the chance rises from 0.', low=0, high=10_000_000
    )
    per: str = parameter(
        'batch',
        'What shares one subset; batch lets absent branches be skipped.',
        choices=('batch', 'sample'),
    )
    weights: dict[str, float] = field(default_factory=dict)
    """Relative chance of a proper subset, such as {rgb: 5, rgb+lidar: 2}; 1 for the others."""


@dataclass(frozen=True, kw_only=True)
class LossConfig(Checked):
    """What is minimised: `loss.*`."""

    name: str = parameter('ohem', 'Which loss; `terms` can add others up instead.', choices=LOSSES)
    terms: dict[str, float] = field(default_factory=dict)
    """Losses to add up with their weights, {cross_entropy: 1, lovasz: 0.5}; `name` if empty."""
    threshold: float = parameter(
        0.7, 'OHEM: pixels below this probability are hard.', low=0.01, high=0.99
    )
    class_weights: str | list[float] = ''
    """How much each class counts: one number per class, from_frequencies, or empty for all alike
    unless rarity_power is given."""
    rarity_power: float = parameter(
        0.0,
        'Each class counts (1 / its share of the training pixels) to this power; 0 counts alike, '
        'and is 0.5 with class_weights: from_frequencies.',
        low=0.0,
        high=1.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, weight in self.terms.items():
            if name not in LOSSES or not 0.0 < weight <= MAX_LOSS_WEIGHT:
                raise ConfigError(
                    f'Expected loss.terms to give some of {", ".join(LOSSES)} a weight above 0 '
                    f'and up to {MAX_LOSS_WEIGHT:g}, but got {name}: {weight}.'
                )
        if isinstance(self.class_weights, str):
            if self.class_weights not in ('', FROM_FREQUENCIES):
                raise ConfigError(
                    f'Expected loss.class_weights to be a list of numbers or {FROM_FREQUENCIES}, '
                    f'but got {self.class_weights!r}.'
                )
        elif self.rarity_power or not _are_weights(self.class_weights):
            raise ConfigError(
                'Expected loss.class_weights to be numbers of at least 0, some above 0, and '
                f'rarity_power to be 0 beside them, but got {self.class_weights} and '
                f'{self.rarity_power}.'
            )


@dataclass(frozen=True, kw_only=True)
class DistillationConfig(Checked):
    """What a sensor subset learns from the network's own average with all: `distillation.*`."""

    logits: float = parameter(
        0.0, 'Weight of the divergence between the class probabilities.', low=0.0, high=100.0
    )
    features: float = parameter(
        0.0, 'Weight of the distance between the fused features.', low=0.0, high=100.0
    )
    temperature: float = parameter(2.0, 'Softens the probabilities.', low=0.1, high=20.0)
    start_step: int = parameter(
        0, 'First step; the average knows little before.', low=0, high=10_000_000
    )


@dataclass(frozen=True, kw_only=True)
class ValidationConfig(Checked):
    """How the network is scored: `validation.*`."""

    every: int = parameter(500, 'Steps between validations.', low=1, high=10_000_000)
    subsets: list[str] = parameter(
        [], 'Sensor subsets scored during training (rgb+lidar); none given takes the full set.'
    )
    max_frames: int = parameter(
        0, 'Frames scored during training, evenly spaced; 0 takes all.', low=0, high=10_000_000
    )
    best_by: str = parameter(
        'miou',
        'What tells which weights are the best: mIoU, share of right pixels, or the loss.',
        choices=METRICS,
    )
    best_of: str = parameter(
        '', 'Sensor subset among those scored that decides; empty takes the mean of all.'
    )
    crop_height: int = parameter(
        0, 'Rows that the network is given at a time; 0 takes all.', unit='px', low=0, high=8192
    )
    crop_width: int = parameter(0, 'The same for columns.', unit='px', low=0, high=8192)
    stride: int = parameter(
        0, 'Distance of neighboring crops; 0 takes their side.', unit='px', low=0, high=8192
    )
    scales: list[float] = parameter(
        [1.0], 'Sizes of the input, whose probabilities are averaged; 1 is data.height x width.'
    )
    flip: bool = parameter(False, 'Whether each is also shown mirrored, and averaged.')

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(LEAST_SCALE <= scale <= LARGEST_SCALE for scale in self.scales):
            raise ConfigError(
                f'Expected validation.scales in [{LEAST_SCALE}, {LARGEST_SCALE}], but got '
                f'{self.scales}.'
            )


@dataclass(frozen=True, kw_only=True)
class Recipe(RunConfig):
    """One training run of a segmentation network."""

    batch_size: int = parameter(4, 'Frames per step, all processes together.', low=1, high=65536)
    published: dict[str, Any] = field(default_factory=dict)
    """What a published recipe repeats: score, source, memory. Read by people only."""
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    modality_dropout: ModalityDropoutConfig = field(default_factory=ModalityDropoutConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.data.root:
            raise ConfigError('The recipe needs data.root; give it as --data.root PATH.')
        without = [name for name in self.data.modalities if name not in self.data.encodings]
        if without:
            raise ConfigError(f'data.encodings lacks the modalities {without}.')
        for name, limits in self.data.value_ranges.items():
            if name not in self.data.modalities or len(limits) != 2 or not limits[0] < limits[1]:
                raise ConfigError(
                    f'Expected data.value_ranges to give a modality its lowest and highest value, '
                    f'but got {name}: {limits}.'
                )


def _are_weights(values: list[float]) -> bool:
    return any(values) and all(0.0 <= value <= MAX_LOSS_WEIGHT for value in values)
