"""Writes a sequence as a bag: raw sensor topics, calibration, odometry and ground truth."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.bag.writer import BagWriter, whole_bag
from mmseg_ros.core.atomic_files import require_absent
from mmseg_ros.core.errors import BagError
from mmseg_ros.core.types import (
    EVENT,
    LIDAR,
    RGB,
    CloudData,
    DepthData,
    ImageData,
    SensorSample,
)
from mmseg_ros.sim.parallel import drive_frames
from mmseg_ros.sim.sequence import Drive, DriveConfig, DriveFrame

DEPTH_ENCODINGS: tuple[str, ...] = ('32FC1', '16UC1')
"""Meters as float32, or millimetres as uint16 (0 is no measurement, 65.535 m the farthest)."""

ODOMETRY_HZ = 50.0

Write: TypeAlias = tuple[int, Callable[[], None]]


def record_drive(
    path: Path, seed: int, config: DriveConfig, jobs: int = 1, depth_encoding: str = '32FC1'
) -> Generator[int, None, None]:
    """Write one sequence into a new bag; yield the number of frames written so far.

    Args:
        path: Folder of the new bag.
        seed: Which sequence.
        config: What to simulate.
        jobs: Processes; their number changes nothing in the bag.
        depth_encoding: One of DEPTH_ENCODINGS.

    Raises:
        BagError: The bag exists or cannot be written.
    """
    require_absent(path, BagError)
    drive = Drive(seed, config)
    waiting: list[Write] = []
    with whole_bag(path, compress=True) as bag:
        bag.write_calibration(drive.start_ns, drive.rig)
        for done, frame in enumerate(drive_frames(drive, jobs), 1):
            new = _writes(bag, drive, frame, depth_encoding)
            waiting = sorted([*waiting, *new], key=lambda item: item[0])
            # What a later frame brings is received after this stamp.
            while waiting and waiting[0][0] <= frame.stamp_ns:
                waiting.pop(0)[1]()
            yield done
        for _, write in waiting:
            write()


def _writes(bag: BagWriter, drive: Drive, frame: DriveFrame, depth_encoding: str) -> list[Write]:
    """Return (receipt stamp, what to do) for all messages of a frame."""
    stamp_ns, rgb = frame.stamp_ns, drive.rig.mounts[RGB].frame_id
    labels = partial(bag.write_truth_labels, stamp_ns, rgb, frame.labels)
    writes: list[Write] = [(stamp_ns, labels), *_odometry(bag, drive, stamp_ns)]
    for sample in (frame.picture, *frame.reports):
        received_ns = sample.stamp_ns if sample.received_ns is None else sample.received_ns
        published = _in_millimetres(sample) if depth_encoding == '16UC1' else sample
        writes.append((received_ns, partial(bag.write_sample, published)))
        camera = drive.rig.cameras.get(sample.modality)
        if camera is not None and sample.modality != EVENT:
            info = partial(bag.write_camera_info, sample.modality, sample.stamp_ns, camera)
            writes.append((sample.stamp_ns, info))
    clouds = [sample for sample in frame.reports if sample.modality == LIDAR]
    for sample, sweep in zip(clouds, frame.sweeps, strict=True):
        truth = labelled_points(sweep.cloud, sweep.labels)
        write = partial(bag.write_truth_points, sample.stamp_ns, sample.frame_id, truth)
        writes.append((sample.stamp_ns, write))
    return writes


def _odometry(bag: BagWriter, drive: Drive, stamp_ns: int) -> list[Write]:
    """Return the poses since the frame before."""
    count = max(round(drive.config.interval_s * ODOMETRY_HZ), 1)
    stamps = [stamp_ns - round(k * 1e9 / ODOMETRY_HZ) for k in range(count)]
    poses = zip(stamps, drive.poses(stamps), strict=True)
    return [(t, partial(bag.write_odometry, t, T)) for t, T in poses]


def _in_millimetres(sample: SensorSample) -> SensorSample:
    """Return a depth sample as uint16 millimetres, any other one as it is."""
    if not isinstance(sample.payload, DepthData):
        return sample
    millimetres = np.nan_to_num(1000.0 * sample.payload.depth_m).round()
    pixels = np.where(millimetres <= np.iinfo(np.uint16).max, millimetres, 0).astype(np.uint16)
    return replace(sample, payload=ImageData(pixels))


def labelled_points(cloud: CloudData, labels: NDArray[np.uint8]) -> NDArray[Any]:
    """Return N points with the fields x, y, z (f4) and label (u1), the true class."""
    fields = [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('label', 'u1')]
    points = np.zeros(len(cloud.points), fields)
    for name in 'xyz':
        points[name] = cloud.points[name]
    points['label'] = labels
    return points
