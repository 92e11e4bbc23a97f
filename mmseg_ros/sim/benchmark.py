"""Speed and memory of the simulator."""

from __future__ import annotations

import os
import platform
import resource
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mmseg_ros.projection import Rig, load_rig
from mmseg_ros.sim.parallel import PIECE, drive_frames
from mmseg_ros.sim.sequence import Drive, DriveConfig


def square_rig(size_px: int) -> Rig:
    """Return the demo rig with square cameras of `size_px` pixels; events at half of it."""
    rig = load_rig()
    for name, camera in rig.cameras.items():
        side = size_px // 2 if name == 'event' else size_px
        rig = rig.with_camera(name, camera.resized(side, side))
    return rig


def run(frames: int = 6, seed: int = 3) -> dict[str, Any]:
    """Measure whole frames: all four sensors, LiDAR with 64 rings over 360 degrees.

    Args:
        frames: Frames per case in one process.
        seed: Of the sequence.

    Returns:
        Cores, largest resident memory of a process in MB, and per case: what `_measure` gives.
    """
    cores = len(os.sched_getaffinity(0))
    report: dict[str, Any] = {'suite': 'sim', **_machine(), 'cores': cores}
    for name, rig in {'640x384': load_rig(), '512x512': square_rig(512)}.items():
        config = DriveConfig(frames=2 * PIECE * cores, rig=rig, theme='downtown')
        report[name] = _measure(seed, config, frames) | _measure_processes(seed, config, cores)
    peaks = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    report['peak_memory_mb'] = max(peaks) // 1024
    return report


def _machine() -> dict[str, str]:
    """Return what was measured on, and with which versions."""
    names = ('numpy', 'numba', 'embreex')
    models = [
        line.partition(':')[2].strip()
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
        if line.startswith('model name')
    ]
    versions = ', '.join(f'{name} {version(name)}' for name in names)
    return {
        'cpu': models[0] if models else platform.machine(),
        'versions': f'Python {platform.python_version()}, {versions}',
    }


def _measure(seed: int, config: DriveConfig, frames: int) -> dict[str, float]:
    """Return figures of one process; the first frame warms up and is not counted.

    They are: seconds to build the scene, median and slowest seconds per frame, least CPU seconds
    per frame (what a busy machine can compare), frames per minute and core, LiDAR points.
    """
    start = time.perf_counter()
    drive = Drive(seed, config)
    build_s = time.perf_counter() - start
    seconds, cpu_s, points = [], [], 0
    start, cpu_start = time.perf_counter(), time.process_time()
    for frame in drive.frames(0, frames):
        seconds.append(time.perf_counter() - start)
        cpu_s.append(time.process_time() - cpu_start)
        points = len(frame.point_labels)
        start, cpu_start = time.perf_counter(), time.process_time()
    timed = sorted(seconds[1:]) or seconds
    median = timed[len(timed) // 2]
    return {
        'build_s': round(build_s, 2),
        'median_s': round(median, 3),
        'slowest_s': round(timed[-1], 3),
        'cpu_s': round(min(cpu_s), 3),
        'frames_per_minute_and_core': round(60 / median, 1),
        'lidar_points': points,
    }


def _measure_processes(seed: int, config: DriveConfig, cores: int) -> dict[str, float]:
    """Return the frames per minute of one process per core, as bags are written.

    Time runs from when every process has made its first piece: their start does not count.
    """
    stream = drive_frames(Drive(seed, config), cores)
    for _ in range(PIECE * cores):
        next(stream)
    start = time.perf_counter()
    done = sum(1 for _ in stream)
    per_minute = 60 * done / (time.perf_counter() - start)
    return {f'frames_per_minute_{cores}_cores': round(per_minute, 1)}
