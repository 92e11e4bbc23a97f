"""How the router answers a camera that loses its light: table and plot from a trained run.

Run: python -m mmseg_models.mle_sam.router_study RUN_DIR DATA_ROOT --output PLOT.png
         [--beside name=RUN_DIR ...] [--every 3]

Brightness scales the camera's 8-bit image; the other sensors stay as they are. The runs beside
are scored on the same images, each with its own sensors.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmseg_models.mle_sam.model import MleSam
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.training.normalization import Normalization
from mmseg_models.training.trained_weights import load_trained
from mmseg_models.transforms import darken
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import LabelledDataset
from mmseg_ros.datasets.reader import open_dataset
from mmseg_ros.metrics.metrics import ConfusionMatrix

LIGHTS = (1.0, 0.75, 0.5, 0.25, 0.1, 0.05, 0.0)
STRIDES = (4, 8, 16)
COLORS = {'rgb': '#d62728', 'depth': '#1f77b4', 'event': '#9467bd', 'lidar': '#2ca02c'}


@dataclass(frozen=True)
class Trained:
    """A run's network with what it needs to be asked.

    Attributes:
        model: In evaluation mode. normalization: Of its images. modalities: Its sensors.
        label_space: Its classes.
    """

    model: SegmentationModel
    normalization: Normalization
    modalities: tuple[Modality, ...]
    label_space: LabelSpace

    @classmethod
    def load(cls, run_dir: Path) -> Trained:
        """Read the best weights of a run."""
        model, info = load_trained(run_dir)
        return cls(model, Normalization(info.statistics), info.modalities, info.label_space)

    def frames(self, root: Path) -> LabelledDataset:
        """Return the validation split with this network's sensors."""
        return open_dataset(root, 'val', list(self.modalities), self.label_space)

    def images(self, planes: NDArray[np.uint8], light: float) -> Tensor:
        """Return 1 x M x 3 x H x W with the camera at a share `light` of its brightness."""
        if 'rgb' in self.modalities and light < 1.0:
            planes = planes.copy()
            index = self.modalities.index('rgb')
            planes[index] = darken(planes[index], light)
        result: Tensor = self.normalization(torch.from_numpy(np.ascontiguousarray(planes))[None])
        return result


@torch.inference_mode()
def miou(trained: Trained, root: Path, chosen: NDArray[np.int64], light: float) -> float:
    """Return the mIoU over the chosen frames, 0..1."""
    frames = trained.frames(root)
    matrix = ConfusionMatrix(trained.label_space.num_classes, trained.label_space.ignore_id)
    for index in chosen:
        frame = frames[int(index)]
        logits = trained.model(trained.images(frame.images, light))
        size = frame.labels.shape
        if logits.shape[2:] != size:
            logits = functional.interpolate(logits, size=size, mode='bilinear')
        matrix.update(logits.argmax(dim=1)[0].numpy(), frame.labels)
    return matrix.miou()


@torch.inference_mode()
def routing(
    trained: Trained, root: Path, chosen: NDArray[np.int64], light: float
) -> NDArray[np.float64]:
    """Return L x M: the router's mean weights over the chosen frames."""
    model, frames = trained.model, trained.frames(root)
    if not isinstance(model, MleSam):
        raise TypeError(f'{type(model).__name__} has no router to study')
    weights = []
    for index in chosen:
        images = trained.images(frames[int(index)].images, light)
        x_SCHW, presence = model.prepare(images, None)
        weights.append(model.router(model.encoder(x_SCHW, presence), presence).weights[..., 0])
    return torch.stack(weights).mean(dim=0).double().numpy()


def equal(trained: Trained) -> Trained:
    """Return the same weights with a router that weights all modalities alike."""
    model = copy.deepcopy(trained.model)
    if not isinstance(model, MleSam):
        raise TypeError(f'{type(model).__name__} has no router to study')
    for gate in model.router.gates:
        torch.nn.init.zeros_(gate.weight)
    return replace(trained, model=model)


def is_night(trained: Trained, root: Path, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the chosen frames were taken at night."""
    frames = trained.frames(root)
    return np.array([frames[int(index)].name.startswith('night') for index in chosen])


def table(modalities: tuple[Modality, ...], found: NDArray[np.float64], names: list[str]) -> str:
    """Return Markdown: one row per situation and level, one column per modality."""
    lines = [f'| {" | ".join(("camera", "stride", *modalities))} |', '|---' * 6 + '|']
    for name, weights in zip(names, found, strict=True):
        for stride, row in zip(STRIDES, weights, strict=True):
            lines.append(f'| {name} | {stride} | {" | ".join(f"{w:.3f}" for w in row)} |')
    return '\n'.join(lines)


def plot(
    path: Path,
    modalities: tuple[Modality, ...],
    weights: NDArray[np.float64],
    scores: dict[str, list[float]],
) -> None:
    """Write the curves against brightness: one panel per level, one of the scores.

    Args:
        path: PNG to write.
        modalities: Names of the M columns.
        weights: Brightness x L x M.
        scores: Per network its mIoU at each brightness.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 4, figsize=(15, 3.8), constrained_layout=True)
    for level, (axis, stride) in enumerate(zip(axes, STRIDES, strict=False)):
        for column, name in enumerate(modalities):
            axis.plot(LIGHTS, weights[:, level, column], 'o-', color=COLORS[name], label=name)
        axis.axhline(1 / len(modalities), color='grey', linewidth=0.8, linestyle=':')
        axis.set(title=f'router weight, stride {stride}', ylim=(0, None))
    for name, values in scores.items():
        axes[-1].plot(LIGHTS, [100 * value for value in values], 'o-', label=name)
    axes[-1].set(title='mIoU (%), same frames', ylim=(0, None))
    for axis in axes:
        axis.set_xlabel('brightness of the camera image')
        axis.set_xlim(1.03, -0.03)
        axis.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the tables and write the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('run', type=Path)
    parser.add_argument('root', type=Path)
    parser.add_argument('--output', type=Path, required=True)
    parser.add_argument('--beside', nargs='*', default=[], metavar='NAME=RUN')
    parser.add_argument('--every', type=int, default=3, help='take every n-th frame')
    arguments = parser.parse_args()
    trained = Trained.load(arguments.run)
    chosen = np.arange(0, len(trained.frames(arguments.root)), arguments.every)
    night = is_night(trained, arguments.root, chosen)
    day = chosen[~night]
    weights = [routing(trained, arguments.root, day, light) for light in LIGHTS]
    at_night = routing(trained, arguments.root, chosen[night], 1.0)
    names = [*(f'{light:g}' for light in LIGHTS), 'night']
    print(table(trained.modalities, np.stack([*weights, at_night]), names))
    networks = {'MLE-SAM, all sensors': trained, 'the same, all weighted alike': equal(trained)}
    networks |= {
        name: Trained.load(Path(run))
        for name, _, run in (item.partition('=') for item in arguments.beside)
    }
    scores = {
        name: [miou(network, arguments.root, day, light) for light in LIGHTS]
        for name, network in networks.items()
    }
    for name, values in scores.items():
        print(f'{name}: ' + ', '.join(f'{100 * value:.1f}' for value in values))
    plot(arguments.output, trained.modalities, np.stack(weights), scores)


if __name__ == '__main__':
    main()
