"""Writes a drive as a bag: raw sensor topics, calibration, odometry and ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import EVENT, LIDAR, RGB, CloudData
from mmseg_ros.sim.drive import Drive, DriveConfig, DriveFrame
from mmseg_ros.sim.parallel import drive_frames

Write: TypeAlias = tuple[int, Callable[[], None]]


def record_drive(path: Path, seed: int, config: DriveConfig, jobs: int = 1) -> Iterator[int]:
    """Write one drive into a new bag; yield the number of frames written so far.

    Args:
        path: Folder of the new bag.
        seed: Which drive.
        config: What to simulate.
        jobs: Processes; their number changes nothing in the bag.

    Raises:
        BagError: The bag exists or cannot be written.
    """
    drive = Drive(seed, config)
    waiting: list[Write] = []
    with BagWriter(path) as bag:
        bag.write_calibration(drive.start_ns, drive.rig)
        for done, frame in enumerate(drive_frames(drive, jobs), 1):
            waiting = sorted([*waiting, *_writes(bag, drive, frame)], key=lambda item: item[0])
            # What a later frame brings is received after this stamp.
            while waiting and waiting[0][0] <= frame.stamp_ns:
                waiting.pop(0)[1]()
            yield done
        for _, write in waiting:
            write()


def _writes(bag: BagWriter, drive: Drive, frame: DriveFrame) -> list[Write]:
    """Return (receipt stamp, what to do) for all messages of a frame."""
    stamp_ns, mounts = frame.stamp_ns, drive.rig.mounts
    rgb, lidar = mounts[RGB].frame_id, mounts[LIDAR].frame_id
    writes: list[Write] = [
        (stamp_ns, partial(bag.write_odometry, stamp_ns, frame.T_world_base)),
        (stamp_ns, partial(bag.write_truth_labels, stamp_ns, rgb, frame.labels)),
    ]
    sensors = [sample for name, sample in frame.samples.items() if name != EVENT]
    for sample in [*sensors, *frame.event_packets]:
        received_ns = sample.stamp_ns if sample.received_ns is None else sample.received_ns
        writes.append((received_ns, partial(bag.write_sample, sample)))
        camera = drive.rig.cameras.get(sample.modality)
        if camera is not None and sample.modality != EVENT:
            info = partial(bag.write_camera_info, sample.modality, sample.stamp_ns, camera)
            writes.append((sample.stamp_ns, info))
    cloud = frame.samples[LIDAR].payload
    if isinstance(cloud, CloudData):
        truth = labelled_points(cloud, frame.point_labels)
        writes.append((stamp_ns, partial(bag.write_truth_points, stamp_ns, lidar, truth)))
    return writes


def labelled_points(cloud: CloudData, labels: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the points of a cloud with the field `label` (u1)."""
    fields = [*cloud.points.dtype.descr, ('label', 'u1')]
    points = np.zeros(len(cloud.points), fields)
    for name in cloud.points.dtype.names or ():
        points[name] = cloud.points[name]
    points['label'] = labels
    return points
