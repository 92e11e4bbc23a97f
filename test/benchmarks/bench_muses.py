"""Processor time of one MUSES frame from raw sensor files to network input, in one thread.

A frame of the real sizes is written (camera 1920 x 1080, 75,000 LiDAR points, a radar image of
7,547 x 400, a million events of 1280 x 720 of which the last 30 ms count) and read as training
reads it: decoded, moved, projected, encoded, brought to the network's size, as a tensor.

Run: python test/benchmarks/bench_muses.py [--frames N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / 'support'))

import cv2
import miniatures
import muses_miniature
import numpy as np

from mmseg_models.training.loading import FittedFrames, collate
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.reader import open_dataset

H, W = 1080, 1920
POINTS, RADAR_ROWS, EVENTS, EVENT_SPAN_US = 75_000, 7_547, 1_000_000, 100_000
SIZE = (576, 1024)
"""Network input of models/recipes/published/mle_sam_muses.yaml."""


def write_tree(root: Path) -> None:
    """Write one frame for training and one for validation, both of the real sizes."""
    muses_miniature.H, muses_miniature.W = H, W
    muses_miniature.lidar_points = lidar_points
    muses_miniature.radar_image = radar_image
    muses_miniature.event_columns = event_columns
    miniatures.photo = photo
    muses_miniature.write_tree(root)


def photo(height: int, width: int) -> np.ndarray:
    """Return a smooth image with some noise, which PNG packs about as well as a street."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 20, width // 20, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.add(smooth, rng.integers(0, 6, smooth.shape).astype(np.uint8))


def lidar_points() -> np.ndarray:
    """Return N x 6 float64: a scan of 120 degrees, measured during 100 ms."""
    rng = np.random.default_rng(1)
    azimuth = np.deg2rad(rng.uniform(-60, 60, POINTS))
    elevation = np.deg2rad(rng.uniform(-12.5, 12.5, POINTS))
    distance = rng.gamma(2.0, 15.0, POINTS) + 1.0
    table = np.empty((POINTS, 6))
    table[:, 0] = distance * np.cos(elevation) * np.cos(azimuth)
    table[:, 1] = distance * np.cos(elevation) * np.sin(azimuth)
    table[:, 2] = distance * np.sin(elevation)
    table[:, 3], table[:, 4] = rng.integers(0, 256, POINTS), rng.integers(0, 5, POINTS)
    table[:, 5] = muses_miniature.MIDDLE_S + np.sort(rng.uniform(-0.05, 0.05, POINTS))
    return table


def radar_image() -> np.ndarray:
    """Return a radar image in which a tenth of the bins has an echo."""
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (RADAR_ROWS, 400)).astype(np.uint8)
    image[rng.random(image.shape) > 0.1] = 0
    image[:11] = radar_head()
    return image


def radar_head() -> np.ndarray:
    """Return the 11 rows above the echoes: times, and that every azimuth is valid."""
    head = np.zeros((11, 400), np.uint8)
    seconds = np.frombuffer(np.uint32(int(muses_miniature.MIDDLE_S)).tobytes(), np.uint8)
    nanoseconds = np.frombuffer(np.uint32(10_000_000).tobytes(), np.uint8)
    head[0:4], head[4:8], head[10] = seconds[:, None], nanoseconds[:, None], 255
    return head


def event_columns() -> dict[str, np.ndarray]:
    """Return events of edges that move through the image."""
    rng = np.random.default_rng(3)
    times = np.sort(rng.integers(0, EVENT_SPAN_US, EVENTS)).astype(np.uint32)
    edges = rng.integers(0, 1280, 200)[rng.integers(0, 200, EVENTS)]
    return {
        'x': ((edges + times // 5000) % 1280).astype(np.uint16),
        'y': rng.integers(0, 720, EVENTS).astype(np.uint16),
        't': times,
        'p': rng.integers(0, 2, EVENTS).astype(np.uint8),
    }


def stages(root: Path) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name: each sensor by itself, and the frame."""
    space = load_label_space('muses')
    parts = {
        name: open_dataset(root, 'val', (name,), space)
        for name in ('rgb', 'event', 'lidar', 'radar')
    }
    whole = open_dataset(root, 'val', tuple(parts), space)
    fitted = FittedFrames(whole, np.array([0]), *SIZE)
    single = {f'{name} and labels': partial(parts[name].__getitem__, 0) for name in parts}
    return {
        **single,
        'frame of four sensors': partial(whole.__getitem__, 0),
        'frame to tensors': lambda: collate([fitted[0]]),
    }


def main() -> None:
    """Print median and fastest of each stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=20)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_tree(Path(folder) / 'muses')
        for name, work in stages(Path(folder) / 'muses').items():
            work()
            times_ms = []
            for _ in range(arguments.frames):
                began_s = time.thread_time()
                work()
                times_ms.append((time.thread_time() - began_s) * 1e3)
            print(
                f'{name}: median {statistics.median(times_ms):.1f} ms, '
                f'fastest {min(times_ms):.1f} ms',
                flush=True,
            )


if __name__ == '__main__':
    main()
