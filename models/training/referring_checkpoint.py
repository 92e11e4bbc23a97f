"""Trained referring networks on disk: one safetensors file that also says what they are for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from mmseg_models.crossvlt import CrossVLT
from mmseg_models.registry import create_referring_model
from mmseg_models.tensors import load_strict, read_tensors
from mmseg_models.training.trained_weights import (
    BEST_FILE,
    METADATA_KEY,
    save_weights,
)
from mmseg_ros.core.errors import TrainingError


@dataclass(frozen=True)
class ReferringInfo:
    """What trained weights need beside themselves.

    Attributes:
        model: Name for `create_model`. options: Its options.
        vocabulary: Tokens; the position is the id.
        max_tokens: Length of a row of token ids.
        mean: Of the image's channels, on the scale 0..1. std: Deviation on that scale.
        height: Rows of the network input. width: Columns.
        step: Optimizer steps behind the weights.
        metrics: Scores of the validation split.
        recipe: The resolved recipe.
    """

    model: str
    options: dict[str, Any]
    vocabulary: list[str]
    max_tokens: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    height: int
    width: int
    step: int
    metrics: dict[str, Any]
    recipe: dict[str, Any]

    def normalized(self, images_BHWC: Tensor) -> Tensor:
        """Return B x 3 x H x W float32, the network's input, from B x H x W x 3 uint8."""
        return normalized(images_BHWC, self.mean, self.std)


def normalized(images_BHWC: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Return B x 3 x H x W float32 from B x H x W x 3 uint8; both statistics on the scale 0..1."""
    mean_C11, std_C11 = (
        torch.tensor(x, device=images_BHWC.device)[:, None, None] for x in (mean, std)
    )
    return (images_BHWC.permute(0, 3, 1, 2).float() / 255.0 - mean_C11) / std_C11


def save_referring(path: Path, state: Mapping[str, Tensor], info: ReferringInfo) -> None:
    """Write weights and `info` into one file; a reader sees the old file or the new one."""
    save_weights(path, state, {METADATA_KEY: json.dumps(asdict(info))})


def load_referring(run_dir: str | Path) -> tuple[CrossVLT, ReferringInfo]:
    """Return the best network of a run, in evaluation mode, and what it is for.

    Args:
        run_dir: Run folder of the trainer, or a weights file it wrote.

    Raises:
        TrainingError: There is no such file, it was not written by the trainer, or its weights
            do not fit the network that it names.
    """
    file = Path(run_dir) / BEST_FILE if Path(run_dir).is_dir() else Path(run_dir)
    try:
        state = load_file(file)
        with safe_open(file, 'pt') as opened:
            data = json.loads((opened.metadata() or {})[METADATA_KEY])
        info = ReferringInfo(**{**data, 'mean': tuple(data['mean']), 'std': tuple(data['std'])})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise TrainingError(
            f'{file}: cannot read the weights of a referring network ({error}).'
        ) from error
    model = create_referring_model(info.model, **info.options)
    load_strict(model, state, source=str(file))
    return model.eval(), info


def load_encoder(network: CrossVLT, file: str) -> None:
    """Take the image encoder of another network of this project; its fusion is left out.

    Raises:
        ConfigError: The file does not hold that encoder.
    """
    state = {
        key.removeprefix('encoder.'): value
        for key, value in read_tensors(file).items()
        if key.startswith('encoder.') and '.fusion.' not in key
    }
    load_strict(network.encoder, state, source=file)
