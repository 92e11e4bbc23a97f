"""How surely wrong extrinsics are found: warnings and false alarms over recordings.

    python test/benchmarks/bench_misalignment.py BAG... [--kitti FOLDER] [--limit 0.5]

Every recording is judged with its own extrinsics of the LiDAR, and with the same turned about each
axis of the camera to both sides and moved along each. Recordings of the simulator have exact ones.
The folder is of KITTI's object benchmark (image_2, velodyne, calib), all frames together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.replay import frame_sets, samples, sensor_topics
from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.types import LIDAR, RGB, CloudData, ImageData
from mmseg_ros.projection.cloud_files import read_cloud
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.projection.misalignment import AXES, MisalignmentEstimator
from mmseg_ros.projection.motion import RigInMotion
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.outline_frame import ImageEdges, outline_frame
from mmseg_ros.projection.outlines import scan_outlines
from mmseg_ros.sync.collector import Collector

ANGLES_DEG = (0.3, 0.5, 1.0, 2.0)
SHIFTS_M = (0.05, 0.1, 0.2)
MOST_FRAMES = 12


def main() -> None:
    """Judge and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument('bags', type=Path, nargs='*')
    parser.add_argument('--kitti', type=Path)
    parser.add_argument('--limit', type=float, default=0.5)
    args = parser.parse_args()
    drives = {bag.name: list(_of_bag(bag)) for bag in args.bags}
    if args.kitti:
        drives['kitti'] = list(_of_kitti(args.kitti))
    began = time.process_time()
    rows = {error: [_judge(d, error, args.limit) for d in drives.values()] for error in _errors()}
    count = len(rows) * sum(len(drive) for drive in drives.values())
    print(f'{len(drives)} recordings: {", ".join(drives)}; limit {args.limit:g} deg')
    print('| error | judged | warned | angle found, median |\n|---|---|---|---|')
    for name in dict.fromkeys(error[0] for error in rows):
        found = [f for error, all_found in rows.items() if error[0] == name for f in all_found]
        told = [f.angle_deg for f in found if f.angle_deg is not None]
        warned = sum(f.exceeds(args.limit) for f in found)
        middle = f'{np.median(told):.2f} deg' if told else ''
        print(f'| {name} | {len(told)} of {len(found)} | {warned} of {len(found)} | {middle} |')
    print(f'{1000 * (time.process_time() - began) / count:.1f} ms of processor time per frame')


def _errors() -> Iterator[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    """Yield name, turn in degrees and shift in meters."""
    yield 'none', (0, 0, 0), (0, 0, 0)
    for size in ANGLES_DEG:
        for i, axis in enumerate(AXES):
            for sign in (1, -1):
                turn = tuple(sign * size * float(k == i) for k in range(3))
                yield f'{axis} {size:g} deg', turn, (0, 0, 0)
    for size in SHIFTS_M:
        for i, axis in enumerate(('right', 'down', 'forward')):
            for sign in (1, -1):
                shift = tuple(sign * size * float(k == i) for k in range(3))
                yield f'{axis} {size:g} m', (0, 0, 0), shift


def _judge(drive, error, limit):
    _, turn, shift = error
    wrong = np.eye(4)
    wrong[:3, :3] = cv2.Rodrigues(np.radians(np.array(turn, float)))[0]
    wrong[:3, 3] = shift
    estimator = MisalignmentEstimator(MOST_FRAMES)
    for rgb, xyz, T, camera in drive:
        given = wrong @ T
        edges = ImageEdges.of(rgb)
        estimator.add(outline_frame(edges, scan_outlines(xyz, given, camera), given, camera))
    return estimator.estimate(limit)


def _of_bag(path: Path):
    """Yield image, cloud at its time, extrinsics and camera of frames spread over a bag."""
    with BagReader(path) as reader:
        topics = sensor_topics(reader, (RGB, LIDAR))
        rig = rig_from_bag(reader, sensor_topics(reader))
        odometry, config = Odometry(), NodeConfig()
        stream = samples(reader, topics, odometry=odometry)
        frames = [
            f
            for f in frame_sets(stream, Collector(list(topics), config.sync, config.sensors, 0.05))
            if {RGB, LIDAR} <= set(f.samples)
        ]
        step = max(1, len(frames) // MOST_FRAMES)
        for frame in frames[::step][:MOST_FRAMES]:
            image, cloud = frame.samples[RGB].payload, frame.samples[LIDAR]
            assert isinstance(image, ImageData)
            assert isinstance(cloud.payload, CloudData)
            motion = RigInMotion(rig, frame.stamp_ns, odometry)
            xyz = motion.xyz(LIDAR, cloud.payload, cloud.stamp_ns)
            camera = rig.camera(RGB).resized(*image.pixels.shape[:2])
            yield image.pixels, xyz, rig.T(RGB, LIDAR), camera


def _of_kitti(folder: Path):
    for cloud in sorted((folder / 'velodyne').glob('*.bin')):
        rgb = cv2.imread(str(folder / 'image_2' / f'{cloud.stem}.png'), cv2.IMREAD_COLOR_RGB)
        rig = load_rig(folder / 'calib' / f'{cloud.stem}.txt', image_size=rgb.shape[:2])
        yield rgb, read_cloud(cloud).xyz(), rig.T(rig.reference, LIDAR), rig.camera(rig.reference)


if __name__ == '__main__':
    main()
