"""Writes a drive as a bag: raw sensor topics, calibration, odometry and ground truth."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.lib import recfunctions
from numpy.typing import NDArray

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import EVENT, LIDAR, RGB, CloudData
from mmseg_ros.sim.drive import Drive, DriveConfig, DriveFrame

_PIECE = 5


def record_drive(path: Path, seed: int, config: DriveConfig, jobs: int = 1) -> Iterator[int]:
    """Write one drive into a new bag; yield the number of frames written so far.

    Args:
        path: Folder of the new bag.
        seed: Which drive.
        config: What to simulate.
        jobs: Processes; the number of them changes nothing in the bag.

    Raises:
        BagError: The bag exists or cannot be written.
    """
    drive = Drive(seed, config)
    with BagWriter(path) as bag:
        bag.write_calibration(drive.start_ns, drive.rig)
        for done, frame in enumerate(_frames(drive, jobs), 1):
            _write_frame(bag, drive, frame)
            yield done


def _frames(drive: Drive, jobs: int) -> Iterator[DriveFrame]:
    """Yield the frames of a drive, made in short pieces that do not depend on each other."""
    starts = range(0, drive.config.frames, _PIECE)
    if jobs <= 1:
        for first in starts:
            yield from drive.frames(first, first + _PIECE)
        return
    context = multiprocessing.get_context('spawn')
    pool = ProcessPoolExecutor(jobs, context, _start_worker, (drive.seed, drive.config))
    try:
        # Only a few pieces ahead: a frame has megabytes, and waiting ones are kept in memory.
        waiting: deque[Future[list[DriveFrame]]] = deque()
        for first in starts:
            waiting.append(pool.submit(_piece, first))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_worker: dict[str, Drive] = {}
"""The drive of a worker process: building its scene takes a second."""


def _start_worker(seed: int, config: DriveConfig) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker['drive'] = Drive(seed, config)


def _piece(first: int) -> list[DriveFrame]:
    return list(_worker['drive'].frames(first, first + _PIECE))


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
