"""What every training run can set, whatever it trains. Imports no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.parameters import Checked, parameter


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig(Checked):
    """AdamW and its schedule: `optimizer.*`."""

    learning_rate: float = parameter(6e-5, 'Rate after the warm-up.', low=1e-9, high=1.0)
    encoder_factor: float = parameter(
        1.0, "Factor on the rate of the encoder's weights.", low=0.0, high=10.0
    )
    weight_decay: float = parameter(
        0.01, 'Decay of tensors of two or more dimensions.', low=0.0, high=1.0
    )
    beta1: float = parameter(0.9, 'First AdamW coefficient.', low=0.0, high=0.9999)
    beta2: float = parameter(0.999, 'Second AdamW coefficient.', low=0.0, high=0.99999)
    layer_decay: float = parameter(
        1.0,
        'Factor on the rate of each stage of the encoder over the stage after it; the last keeps '
        'encoder_factor alone.',
        low=0.01,
        high=1.0,
    )
    frozen: list[str] = parameter(
        [],
        'Names of tensors that stay as they are, with * and ?, such as encoder.stages.0.*; norms '
        'among them keep their statistics.',
    )
    clip_norm: float = parameter(
        0.0, 'Largest norm of the gradient; 0 leaves it.', low=0.0, high=1e6
    )
    warmup_steps: int = parameter(100, 'Steps of linear warm-up.', low=0, high=10_000_000)
    warmup_ratio: float = parameter(0.1, 'Rate at step 0 over the full one.', low=0.0, high=1.0)
    power: float = parameter(0.9, 'Exponent of the polynomial decay.', low=0.0, high=10.0)
    ema_decay: float = parameter(
        0.999, 'Decay of the weight average that is validated and kept.', low=0.0, high=0.99999
    )


@dataclass(frozen=True, kw_only=True)
class RunConfig(Checked):
    """Base of the recipes: one training run.

    Attributes:
        legs: Runs one after the other, each with the fields that differ; see module `legs`.
    """

    run_dir: str = parameter('', 'Folder for checkpoints, logs and the resolved recipe.')
    resume: str = parameter(
        'never', 'auto continues from the last checkpoint in run_dir.', choices=('never', 'auto')
    )
    init_from: str = parameter(
        '', 'Run folder or safetensors file with the first weights; must fit exactly.'
    )
    steps: int = parameter(1000, 'Optimizer steps.', low=1, high=10_000_000)
    seed: int = parameter(3407, 'Seed of everything random.', low=0, high=2**31 - 1)
    precision: str = parameter(
        'fp32',
        'What the network computes in; its weights stay fp32. fp16 scales the loss, and skips '
        'steps whose gradient overflows.',
        choices=('fp32', 'bf16', 'fp16'),
    )
    accumulate: int = parameter(
        1,
        'Parts of each batch that are computed one after the other, for less memory.',
        low=1,
        high=65536,
    )
    compile: bool = parameter(
        False, 'Whether torch.compile builds the parts of the network that see tensors alone.'
    )
    patience: int = parameter(
        0,
        'Validations without a better one after which the run ends; 0 goes on.',
        low=0,
        high=10_000,
    )
    tensorboard: bool = parameter(
        False, 'Whether run_dir/tensorboard gets event files; needs mmseg_ros[tensorboard].'
    )
    threads: int = parameter(0, 'CPU threads of torch; 0 leaves the choice.', low=0, high=1024)
    log_every: int = parameter(20, 'Steps between log rows.', low=1, high=1_000_000)
    checkpoint_every: int = parameter(500, 'Steps between checkpoints.', low=1, high=10_000_000)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    legs: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.run_dir:
            raise ConfigError('The recipe needs run_dir; give it as --run_dir PATH.')
        if self.optimizer.warmup_steps >= self.steps:
            raise ConfigError(
                f'Expected optimizer.warmup_steps to be below steps, but got '
                f'{self.optimizer.warmup_steps} and {self.steps}.'
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the plain nested mapping that the YAML file holds."""
        return asdict(self)
