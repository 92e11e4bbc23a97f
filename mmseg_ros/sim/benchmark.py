"""Speed and memory of the simulator."""

from __future__ import annotations

import os
import resource
import time
from typing import Any

from mmseg_ros.core.types import LIDAR, CloudData
from mmseg_ros.projection import Rig, load_rig
from mmseg_ros.sim.drive import Drive, DriveConfig


def square_rig(size_px: int) -> Rig:
    """Return the demo rig with square cameras of `size_px` pixels; events at half of it."""
    rig = load_rig()
    for name, camera in rig.cameras.items():
        side = size_px // 2 if name == 'event' else size_px
        rig = rig.with_camera(name, camera.resized(side, side))
    return rig


def run(frames: int = 12, seed: int = 3) -> dict[str, Any]:
    """Measure whole frames: all four sensors, LiDAR with 64 rings over 360 degrees.

    Args:
        frames: Frames per case; the first one warms up and is not counted.
        seed: Of the drive.

    Returns:
        Cores, largest resident memory in MB, and per case: seconds to build the scene, median
        and slowest seconds per frame, least CPU seconds per frame (over all threads: what a busy
        machine can compare), frames per minute, LiDAR points per frame.
    """
    cores = len(os.sched_getaffinity(0))
    cases = {'640x384': load_rig(), '512x512': square_rig(512)}
    report: dict[str, Any] = {'suite': 'sim', 'cores': cores}
    for name, rig in cases.items():
        for threads in sorted({1, cores}):
            report[f'{name}, {threads} threads'] = _measure(rig, threads, frames, seed)
    report['peak_memory_mb'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return report


def _measure(rig: Rig, threads: int, frames: int, seed: int) -> dict[str, float]:
    start = time.perf_counter()
    drive = Drive(seed, DriveConfig(frames=frames, rig=rig, threads=threads, theme='downtown'))
    build_s = time.perf_counter() - start
    seconds, cpu_s, points = [], [], 0
    start, cpu_start = time.perf_counter(), time.process_time()
    for frame in drive.frames():
        seconds.append(time.perf_counter() - start)
        cpu_s.append(time.process_time() - cpu_start)
        cloud = frame.samples[LIDAR].payload
        points = len(cloud.points) if isinstance(cloud, CloudData) else 0
        start, cpu_start = time.perf_counter(), time.process_time()
    timed = sorted(seconds[1:]) or seconds
    median = timed[len(timed) // 2]
    return {
        'build_s': round(build_s, 2),
        'median_s': round(median, 3),
        'slowest_s': round(timed[-1], 3),
        'cpu_s': round(min(cpu_s), 3),
        'frames_per_minute': round(60 / median, 1),
        'lidar_points': points,
    }
