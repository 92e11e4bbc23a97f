"""Speed and memory of the simulator, with all four sensors; with --flat, memory over many frames.

Run: python test/benchmarks/bench_sim.py [--frames 6] [--flat 1000]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmseg_ros.projection import load_rig
from mmseg_ros.sim.benchmark import run
from mmseg_ros.sim.sensing.clocks import TRIGGERED, SensorClock
from mmseg_ros.sim.sensing.lidar import LidarModel
from mmseg_ros.sim.sequence import Drive, DriveConfig

FIRST_LOOK = 50
"""Frames until compiled code is loaded and the cache of snapshots is full."""


def main() -> int:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=6, help='frames per case')
    parser.add_argument(
        '--flat', type=int, default=0, help='frames of a sequence to watch memory in'
    )
    arguments = parser.parse_args()
    report = run(arguments.frames) if not arguments.flat else memory_over(arguments.flat)
    print(json.dumps(report, indent=2))
    return 0


def memory_over(frames: int, looks: int = 8) -> dict[str, int]:
    """Return the resident memory (MB) at `looks` moments of one long sequence.

    Sensors are small and traffic moves in steps of 0.1 s, so that a thousand frames take a
    minute or two; every line of code that a large sensor runs, runs.
    """
    rig = load_rig()
    for name, camera in rig.cameras.items():
        rig = rig.with_camera(name, camera.resized(96, 160))
    config = DriveConfig(
        frames=frames, rig=rig, lidar=LidarModel(rings=32, columns=256, slices=1), speed_mps=2.0,
        clocks={**TRIGGERED, 'event': SensorClock(rate_hz=10.0)}, theme='residential',
    )  # fmt: skip
    moments = {FIRST_LOOK, *(round(frames * k / looks) for k in range(1, looks + 1))}
    report = {}
    for k, _ in enumerate(Drive(3, config).frames(), 1):
        if k in moments:
            pages = int(Path('/proc/self/statm').read_text().split()[1])
            report[f'resident_mb_after_{k}'] = pages * 4096 // 2**20
    return report


if __name__ == '__main__':
    raise SystemExit(main())
