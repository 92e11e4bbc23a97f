"""Speed and memory of the simulator, with all four sensors; with --flat, memory over many frames.

Run: python test/benchmarks/bench_sim.py [--frames 12] [--flat 1000]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmseg_ros.sim.benchmark import run
from mmseg_ros.sim.drive import Drive, DriveConfig
from mmseg_ros.sim.lidar import LidarModel


def main() -> int:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=12, help='frames per case')
    parser.add_argument('--flat', type=int, default=0, help='frames of a drive to watch memory in')
    arguments = parser.parse_args()
    report = run(arguments.frames) if not arguments.flat else memory_over(arguments.flat)
    print(json.dumps(report, indent=2))
    return 0


def memory_over(frames: int) -> dict[str, int]:
    """Return the resident memory (MB) after 20 frames of a drive and at its end."""
    config = DriveConfig(frames=frames, lidar=LidarModel(sector_deg=90), speed_mps=2.0)
    report = {}
    for k, _ in enumerate(Drive(3, config).frames(), 1):
        if k in (20, frames):
            pages = int(Path('/proc/self/statm').read_text().split()[1])
            report[f'resident_mb_after_{k}'] = pages * 4096 // 2**20
    return report


if __name__ == '__main__':
    raise SystemExit(main())
