"""Joint transforms of training frames in one thread: frames and images per second of one core.

A frame has four images (camera, depth, events, LiDAR) and the labels. Both counts are printed:
frames, and images, which are the four of a frame without its labels.

Run: python test/benchmarks/bench_transforms.py [--frames 60] [--size 512] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from mmseg_models.transforms import Augmentation
from mmseg_ros.core.modalities import STANDARD_ENCODINGS
from mmseg_ros.datasets.frame import LabelledFrame

MODALITIES = ('rgb', 'depth', 'event', 'lidar')
SCANS = 64
"""Rows of the synthetic scan; every third column has a return."""


def frame_of(size: int, seed: int = 0) -> LabelledFrame:
    """Return a frame as dense as those of a street: depth nearly everywhere, scans in rows."""
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 256, (len(MODALITIES), size, size, 3)).astype(np.uint8)
    images[0] = cv2.GaussianBlur(images[0], (0, 0), 5)
    images[1][rng.random((size, size)) < 0.1] = 0
    images[2][rng.random((size, size)) < 0.85] = 0
    scan = np.zeros((size, size), bool)
    scan[size // 3 :: max(size * 2 // 3 // SCANS, 1), ::3] = True
    images[3][~scan] = 0
    labels = np.repeat(np.repeat(rng.integers(0, 25, (size // 32, size // 32)), 32, 0), 32, 1)
    return LabelledFrame(
        name='synthetic',
        images=images,
        labels=labels.astype(np.uint8),
        modalities=MODALITIES,
        encodings=tuple(STANDARD_ENCODINGS[name] for name in MODALITIES),
    )


def augmentation(size: int) -> Augmentation:
    """Return the augmentation of a recipe's defaults."""
    return Augmentation(
        height=size,
        width=size,
        crop_height=size,
        crop_width=size,
        scale_min=0.5,
        scale_max=2.0,
        flip_probability=0.5,
        jitter_probability=0.2,
        jitter_strength=0.5,
        blur_probability=0.2,
        ignore_id=255,
    )


CASES = {
    'defaults (scale 0.5 to 2)': {},
    'recipe of the default network (0.9 to 1.3)': {'scale_min': 0.9, 'scale_max': 1.3},
    'crop and flip alone': {'scale_min': 1.0, 'scale_max': 1.0},
}


def measured(case: Augmentation, frame: LabelledFrame, frames: int) -> dict[str, float]:
    """Return processor time per frame and what it means per second of one core."""
    rng = np.random.default_rng(1)
    for _ in range(8):
        case(frame, rng)
    times_s = []
    for _ in range(frames):
        began_s = time.thread_time()
        case(frame, rng)
        times_s.append(time.thread_time() - began_s)
    mean_s = statistics.mean(times_s)
    return {
        'mean_ms': round(mean_s * 1e3, 2),
        'median_ms': round(statistics.median(times_s) * 1e3, 2),
        'frames_per_s': round(1 / mean_s, 1),
        'images_per_s': round(len(MODALITIES) / mean_s, 1),
    }


def main() -> None:
    """Print a table; with --output also write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=60)
    parser.add_argument('--size', type=int, default=512)
    parser.add_argument('--output', type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    frame, base = frame_of(arguments.size), augmentation(arguments.size)
    cases = {
        name: measured(replace(base, **changes), frame, arguments.frames)
        for name, changes in CASES.items()
    }
    print('| case | mean ms | median ms | frames/s | images/s |\n|---|---:|---:|---:|---:|')
    for name, row in cases.items():
        print(f'| {name} | ' + ' | '.join(str(value) for value in row.values()) + ' |')
    if arguments.output:
        result = {'size': arguments.size, 'frames': arguments.frames, 'cases': cases}
        arguments.output.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    main()
