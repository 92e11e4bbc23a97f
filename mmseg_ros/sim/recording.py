"""Writes a drive as a bag: raw sensor topics, calibration, odometry and ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import recfunctions
from numpy.typing import NDArray

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import EVENT, LIDAR, RGB, CloudData
from mmseg_ros.sim.drive import Drive, DriveConfig, DriveFrame


def record_drive(path: Path, seed: int, config: DriveConfig) -> Iterator[int]:
    """Write one drive into a new bag; yield the number of frames written so far.

    Raises:
        BagError: The bag exists or cannot be written.
    """
    drive = Drive(seed, config)
    with BagWriter(path) as bag:
        for done, frame in enumerate(drive.frames(), 1):
            if done == 1:
                bag.write_calibration(drive.start_ns, drive.rig)
            _write_frame(bag, drive, frame)
            yield done


def _write_frame(bag: BagWriter, drive: Drive, frame: DriveFrame) -> None:
    stamp_ns, mounts = frame.stamp_ns, drive.rig.mounts
    bag.write_odometry(stamp_ns, frame.T_world_base)
    for sample in frame.in_order():
        bag.write_sample(sample)
        camera = drive.rig.cameras.get(sample.modality)
        if camera is not None and sample.modality != EVENT:
            bag.write_camera_info(sample.modality, sample.stamp_ns, camera)
    bag.write_truth_labels(stamp_ns, mounts[RGB].frame_id, frame.labels)
    cloud = frame.samples[LIDAR].payload
    if isinstance(cloud, CloudData):
        truth = labelled_points(cloud, frame.point_labels)
        bag.write_truth_points(stamp_ns, mounts[LIDAR].frame_id, truth)


def labelled_points(cloud: CloudData, labels: NDArray[np.uint8]) -> NDArray[np.void]:
    """Return the points of a cloud with the field `label` (u1)."""
    joined = recfunctions.append_fields(cloud.points, 'label', labels, 'u1', usemask=False)
    return np.asarray(joined)
