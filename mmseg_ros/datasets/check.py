"""A look at every frame of a data set: what is there, what is missing, what is damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import LabelledDataset, LabelledFrame

OVERLAYS = 5
Progress = Callable[[int, int], None]


@dataclass
class PlaneStatistics:
    """Sums over the pixels of one modality, scaled to 0..1.

    Attributes:
        pixels: How many. filled: How many are not black.
        total: 3 sums per channel. squares: 3 sums of squares.
    """

    pixels: int = 0
    filled: int = 0
    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    squares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    def add(self, plane: NDArray[np.uint8]) -> None:
        """Count one H x W x 3 plane."""
        values = plane.reshape(-1, 3).astype(np.float64) / 255.0
        self.pixels += len(values)
        self.filled += int(plane.any(axis=2).sum())
        self.total += values.sum(axis=0)
        self.squares += np.square(values).sum(axis=0)

    def plain(self) -> dict[str, Any]:
        """Return mean and deviation per channel, and the share of pixels that are not black."""
        count = max(self.pixels, 1)
        mean = self.total / count
        std = np.sqrt(np.maximum(self.squares / count - mean**2, 0.0))
        return {
            'mean': [round(float(v), 6) for v in mean],
            'std': [round(float(v), 6) for v in std],
            'filled': round(self.filled / count, 6),
        }


@dataclass
class SplitReport:
    """What was found in one split.

    Attributes:
        split: Its name. frames: Frames that have all their files.
        missing: Files that are not there. damaged: Why a frame cannot be read, naming the file.
        sizes: (height, width) -> frames. label_pixels: Pixels per class id; the last is ignored.
        unlabeled: Frames without a labeled pixel.
        planes: Statistics per modality. examples: Up to five frames, evenly spaced.
        error: Why the split cannot be opened at all.
    """

    split: str
    frames: int = 0
    missing: list[Path] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    label_pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    unlabeled: list[str] = field(default_factory=list)
    planes: dict[Modality, PlaneStatistics] = field(default_factory=dict)
    examples: list[LabelledFrame] = field(default_factory=list)
    error: str = ''

    @property
    def is_sound(self) -> bool:
        """Return whether every frame can be read and has labels."""
        return not (self.missing or self.damaged or self.unlabeled or self.error)

    def plain(self, space: LabelSpace) -> dict[str, Any]:
        """Return the content of data.json for this split."""
        pixels = self.label_pixels.tolist() or [0] * (space.num_classes + 1)
        return {
            'split': self.split,
            'frames': self.frames,
            'sizes': {f'{h} x {w}': count for (h, w), count in sorted(self.sizes.items())},
            'label_pixels': dict(zip([*space.names, 'ignored'], pixels, strict=True)),
            'statistics': {name: stats.plain() for name, stats in self.planes.items()},
            'missing': [str(path) for path in self.missing],
            'damaged': self.damaged,
            'unlabeled': self.unlabeled,
            'error': self.error,
        }


def check_split(
    frames: LabelledDataset,
    missing: Sequence[Path],
    every: int = 1,
    progress: Progress | None = None,
) -> SplitReport:
    """Read every n-th frame of a split and return what was found.

    Args:
        frames: The split, opened so that it raises at a damaged file.
        missing: Files that it lacks.
        every: 1 reads all.
        progress: Called with frames done and in all.
    """
    space = frames.label_space
    report = SplitReport(frames.split, len(frames), list(missing))
    report.label_pixels = np.zeros(space.num_classes + 1, np.int64)
    report.planes = {name: PlaneStatistics() for name in frames.modalities}
    chosen = range(0, len(frames), every)
    shown = set(np.linspace(0, len(chosen) - 1, min(OVERLAYS, len(chosen))).astype(int).tolist())
    for done, index in enumerate(chosen):
        try:
            frame = frames[index]
        except DatasetError as error:
            report.damaged.append(str(error))
        else:
            _count(report, frame, space)
            if done in shown:
                report.examples.append(frame)
        if progress is not None:
            progress(done + 1, len(chosen))
    return report


def _count(report: SplitReport, frame: LabelledFrame, space: LabelSpace) -> None:
    counts = np.bincount(frame.labels.ravel(), minlength=256).astype(np.int64)
    labeled = counts[: space.num_classes]
    report.label_pixels[:-1] += labeled
    report.label_pixels[-1] += counts[space.ignore_id]
    report.sizes[frame.labels.shape[0], frame.labels.shape[1]] += 1
    if not labeled.any():
        report.unlabeled.append(frame.name)
    for name, plane in zip(frame.modalities, frame.images, strict=True):
        report.planes[name].add(plane)
