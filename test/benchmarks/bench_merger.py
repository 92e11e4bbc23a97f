"""Processor time of merging the labeled clouds of six cameras into one, in one thread.

Run: python test/benchmarks/bench_merger.py [--points N] [--cameras N]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import labelled_cloud, merge_clouds
from mmseg_ros.labelling.points import FIELD_PRESETS


def parts(preset: str, cameras: int, count: int) -> list[np.ndarray]:
    """Return clouds of which each camera labels a sixth of a turn and some of its neighbors'."""
    rng = np.random.default_rng(1)
    points = np.zeros(count, [(n, '<f4') for n in ('x', 'y', 'z', 'intensity')])
    palette = np.zeros((256, 3), np.uint8)
    place, made = np.arange(count) / count, []
    for camera in range(cameras):
        seen = np.abs((place - camera / cameras + 0.5) % 1 - 0.5) < 0.6 / cameras
        labels = np.where(seen, rng.integers(0, 25, count), 255).astype(np.uint8)
        confidence = np.where(seen, rng.random(count), 0).astype(np.float32)
        made.append(
            labelled_cloud(CloudData(points, 1, count), labels, confidence, palette, preset)
        )
    return made


def main() -> None:
    """Print the median of 50 calls for each preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--points', type=int, default=130_000)
    parser.add_argument('--cameras', type=int, default=6)
    arguments = parser.parse_args()
    for preset in FIELD_PRESETS:
        clouds = parts(preset, arguments.cameras, arguments.points)
        times_ms = []
        for _ in range(50):
            began_s = time.thread_time()
            merge_clouds(clouds, 255)
            times_ms.append((time.thread_time() - began_s) * 1e3)
        times_ms.sort()
        print(
            f'{preset}: median {statistics.median(times_ms):.2f} ms, fastest {times_ms[0]:.2f} ms'
        )


if __name__ == '__main__':
    main()
