"""The demo's drive: simulated once, then read from the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mmseg_ros.sim
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.types import DEPTH, LIDAR, RGB
from mmseg_ros.projection.extrinsics import DEFAULT_RIG
from mmseg_ros.sim.drive import Drive, DriveConfig, DriveFrame

FRAME_RATE_HZ = 10.0
SEED = 11

_TRUE_POINT = [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('label', 'u1')]

Progress = Callable[[int, int], None]
"""Called with the number of frames done and their total."""


def cached_drive(cache: Path, duration_s: float, seed: int, progress: Progress) -> Path:
    """Return the bag of a simulated drive; it is made where the cache does not hold it.

    The cache is keyed on the source of the simulation and on the options, so a changed world is
    simulated again.

    Args:
        cache: Folder of cached drives.
        duration_s: Length of the drive.
        seed: Which drive.
        progress: Told about every frame.
    """
    key = cache_key(duration_s, seed)
    path = cache / f'drive-{key}'
    if path.is_dir():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    draft = cache / f'.drive-{key}-{os.getpid()}'
    try:
        config = DriveConfig(
            frames=round(duration_s * FRAME_RATE_HZ),
            interval_s=1 / FRAME_RATE_HZ,
            threads=os.cpu_count() or 1,
        )
        write_drive(Drive(seed, config), draft, progress)
        draft.replace(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


def cache_key(duration_s: float, seed: int) -> str:
    """Return a short hash of the options, the rig and the source that makes a drive."""
    digest = hashlib.sha256(json.dumps([duration_s, FRAME_RATE_HZ, seed]).encode())
    folder = Path(mmseg_ros.sim.__path__[0])
    for source in [*sorted(folder.glob('*.py')), config_file(DEFAULT_RIG), Path(__file__)]:
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:12]


def write_drive(drive: Drive, path: Path, progress: Progress) -> None:
    """Write a drive as a bag: sensors, calibration, odometry and ground truth.

    Raises:
        BagError: The bag exists or cannot be written.
    """
    total = drive.config.frames
    with BagWriter(path) as bag:
        for i, frame in enumerate(drive.frames()):
            if i == 0:
                bag.write_calibration(frame.stamp_ns, drive.rig)
            _write_frame(bag, drive, frame)
            progress(i + 1, total)


def _write_frame(bag: BagWriter, drive: Drive, frame: DriveFrame) -> None:
    stamp_ns = frame.stamp_ns
    packet_ns = round(1e9 / drive.config.event_rate_hz)
    for packet in frame.event_packets:
        # A packet is stamped with its begin and arrives when it is full.
        bag.write_sample(replace(packet, received_ns=packet.stamp_ns + packet_ns))
    bag.write_odometry(stamp_ns, frame.T_world_base)
    for modality, camera in drive.rig.cameras.items():
        bag.write_camera_info(modality, stamp_ns, camera)
    for modality in (RGB, DEPTH, LIDAR):
        bag.write_sample(frame.samples[modality])
    bag.write_truth_labels(stamp_ns, frame.samples[RGB].frame_id, frame.labels)
    bag.write_truth_points(stamp_ns, frame.samples[LIDAR].frame_id, _true_points(frame))


def _true_points(frame: DriveFrame) -> NDArray[Any]:
    cloud = frame.samples[LIDAR].payload
    points = np.empty(len(frame.point_labels), _TRUE_POINT)
    for name in 'xyz':
        points[name] = cloud.points[name]  # type: ignore[union-attr]
    points['label'] = frame.point_labels
    return points
