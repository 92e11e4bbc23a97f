"""A tiny generated data set in DeLiVER layout: two colored halves and a box per frame.

For smoke runs and tests: `python -m mmseg_ros.datasets.tiny FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.modalities import DELIVER_FOLDERS
from mmseg_ros.datasets.deliver import LABEL_FOLDER
from mmseg_ros.labelling.image_files import write_image

ROAD, CARS, SKY = 6, 9, 12
COLORS = {ROAD: (110, 60, 110), CARS: (20, 20, 150), SKY: (80, 140, 200)}


def write_tiny_dataset(
    root: Path, frames: dict[str, int], height: int = 64, width: int = 96, seed: int = 0
) -> None:
    """Write `frames[split]` frames per split; every modality shows the classes in its own way."""
    rng = np.random.default_rng(seed)
    for split, count in frames.items():
        for number in range(count):
            labels = _scene(rng, height, width)
            stem = Path('sun') / split / 'MAP_1_point1'
            for folder, word in DELIVER_FOLDERS.values():
                noise = rng.normal(0.0, 12.0, (height, width, 3))
                image = _appearance(labels, word) + noise
                _write(root / folder / stem / f'{number:06d}_{word}_front.png', image)
            folder, word = LABEL_FOLDER
            _write(root / folder / stem / f'{number:06d}_{word}_front.png', labels + 1)


def _scene(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    labels = np.full((height, width), SKY, np.uint8)
    labels[int(rng.uniform(0.3, 0.6) * height) :] = ROAD
    top, left = int(rng.uniform(0.3, 0.6) * height), int(rng.uniform(0.0, 0.7) * width)
    labels[top : top + height // 3, left : left + width // 4] = CARS
    return labels


def _appearance(labels: NDArray[np.uint8], word: str) -> NDArray[np.float64]:
    shift = sorted(word for _, word in DELIVER_FOLDERS.values()).index(word) * 20
    image = np.zeros((*labels.shape, 3))
    for label, color in COLORS.items():
        image[labels == label] = np.roll(color, shift // 20) if shift else color
    return image


def _write(path: Path, image: NDArray[np.generic]) -> None:
    write_image(path, np.clip(image, 0, 255).astype(np.uint8), durable=False)


if __name__ == '__main__':
    write_tiny_dataset(Path(sys.argv[1]), {'train': 16, 'val': 4})
