"""Trained weights on disk: one safetensors file that also says what they are for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from mmseg_models.registry import create_segmentation_model
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.tensors import load_strict
from mmseg_ros.core.atomic_files import write_bytes
from mmseg_ros.core.errors import MmsegError, TrainingError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.statistics import ChannelStatistics

BEST_FILE = 'best.safetensors'
METADATA_KEY = 'mmseg_ros'


@dataclass(frozen=True)
class TrainedInfo:
    """What trained weights need beside themselves.

    Attributes:
        model: Name for `create_model`. options: Its options.
        modalities: Names of the M inputs, in order.
        encodings: Name of each modality's encoding.
        statistics: Mean and deviation of each modality, of values scaled to 0..1.
        height: Rows of the network input. width: Columns.
        label_space: Classes of the output.
        step: Optimizer steps behind the weights.
        metrics: Scores per sensor subset: {subset: {miou, accuracy, iou: {class: value}}}.
        recipe: The resolved recipe.
    """

    model: str
    options: dict[str, Any]
    modalities: tuple[Modality, ...]
    encodings: dict[Modality, str]
    statistics: dict[Modality, ChannelStatistics]
    height: int
    width: int
    label_space: LabelSpace
    step: int
    metrics: dict[str, Any]
    recipe: dict[str, Any]

    @property
    def mean(self) -> dict[Modality, tuple[float, float, float]]:
        """Return the means per modality, on the scale 0..1."""
        return {name: self.statistics[name].mean for name in self.modalities}

    @property
    def std(self) -> dict[Modality, tuple[float, float, float]]:
        """Return the deviations per modality, on the scale 0..1."""
        return {name: self.statistics[name].std for name in self.modalities}

    def to_json(self) -> str:
        """Return the text that stands in the weights file."""
        return json.dumps({**asdict(self), 'label_space': self.label_space.to_dict()})

    @classmethod
    def from_json(cls, text: str) -> TrainedInfo:
        """Read what `to_json` wrote.

        Raises:
            TrainingError: The text is something else.
        """
        try:
            return cls._from_data(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise TrainingError(
                f'The weights file says {METADATA_KEY!r}, but not in the words of the trainer '
                f'({error!r}).'
            ) from error

    @classmethod
    def _from_data(cls, data: dict[str, Any]) -> TrainedInfo:
        data['modalities'] = tuple(data['modalities'])
        data['label_space'] = LabelSpace.from_dict(data['label_space'], 'trained weights')
        data['statistics'] = {
            name: ChannelStatistics.of_lists(item['mean'], item['std'])
            for name, item in data['statistics'].items()
        }
        return cls(**data)


def save_trained(path: Path, state: Mapping[str, Tensor], info: TrainedInfo) -> None:
    """Write weights and `info` into one file; a reader sees the old file or the new one."""
    save_weights(path, state, {METADATA_KEY: info.to_json()})


def load_trained(run_dir: str | Path) -> tuple[SegmentationModel, TrainedInfo]:
    """Return the best network of a training run, in evaluation mode, and what it is for.

    Args:
        run_dir: Run folder of the trainer, or a weights file it wrote.

    Raises:
        TrainingError: There is no such file, it was not written by the trainer, or its weights
            do not fit the network that it names.
    """
    state, info = read_trained(run_dir)
    if info is None:
        raise TrainingError(
            f'{run_dir}: the weights file does not say what it is for; it needs the metadata '
            f'{METADATA_KEY!r} that the trainer writes.'
        )
    model = create_segmentation_model(info.model, **info.options)
    load_strict(model, state, source=str(run_dir))
    return model.eval(), info


def read_trained(path: str | Path) -> tuple[dict[str, Tensor], TrainedInfo | None]:
    """Return the tensors of a run folder or weights file, and their info if it has one.

    Raises:
        TrainingError: There is no such file or it is no safetensors file.
    """
    file = Path(path) / BEST_FILE if Path(path).is_dir() else Path(path)
    try:
        state = load_file(file)
        with safe_open(file, 'pt') as opened:
            text = (opened.metadata() or {}).get(METADATA_KEY)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f'{file}: cannot read trained weights ({error}).') from error
    try:
        return state, TrainedInfo.from_json(text) if text else None
    except MmsegError as error:
        raise TrainingError(f'{file}: {error}') from error


def trained_model_name(path: str | Path) -> str:
    """Return the name of the model in a run folder or weights file; '' if it does not say.

    Raises:
        TrainingError: There is no such file or it is no safetensors file.
    """
    file = Path(path) / BEST_FILE if Path(path).is_dir() else Path(path)
    try:
        with safe_open(file, 'pt') as opened:
            text = (opened.metadata() or {}).get(METADATA_KEY)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f'{file}: cannot read trained weights ({error}).') from error
    try:
        data = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        data = {}
    return str(data.get('model', '')) if isinstance(data, dict) else ''


def save_weights(
    path: Path, state: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors as safetensors, from any device; a reader sees the old file or the new one."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in state.items()}
    write_bytes(path, save(tensors, metadata))
