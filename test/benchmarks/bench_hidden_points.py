"""Which LiDAR points a camera cannot see: how many of them are found, on simulated sequences.

`python test/benchmarks/bench_hidden_points.py` prints the table of
docs/benchmarks/geometry.md. The truth is cast from the camera at its time; see
`mmseg_ros.sim.render.visibility`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from mmseg_ros.core.types import DEPTH, LIDAR, RGB, CloseReason, CloudData, FrameSet
from mmseg_ros.labelling import transfer_labels
from mmseg_ros.projection import CameraModel, Rig, load_rig, project_cloud
from mmseg_ros.projection.frame_geometry import FrameGeometry
from mmseg_ros.projection.motion import RigInMotion
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.seen import seen_points
from mmseg_ros.projection.transforms import transform_points
from mmseg_ros.sim.render.visibility import cast_sight
from mmseg_ros.sim.sensing.lidar import LidarModel
from mmseg_ros.sim.sequence import START_NS, Drive, DriveConfig

SPEED_MPS = 12.0
FRAMES_APART = 20
IGNORED = 255
DISTORTION = np.array([-0.12, 0.02, 0.0005, -0.0005, 0.0])
METHODS = ('z-buffer', 'lidar', 'lidar+depth')


@dataclass
class Counts:
    """Points with a true class.

    Attributes:
        hidden: Hidden by all rays of their pixel. found: Of these, recognized.
        blocked: Blocked by the ray through them. blocked_found: Of these, recognized.
        clear: Seen by all rays of their pixel, which holds one class. clear_right: With their
            class. clear_lost: Taken for hidden.
        seen: Not blocked. seen_right: With their class. seen_lost: Taken for hidden.
    """

    hidden: int = 0
    found: int = 0
    blocked: int = 0
    blocked_found: int = 0
    clear: int = 0
    clear_right: int = 0
    clear_lost: int = 0
    seen: int = 0
    seen_right: int = 0
    seen_lost: int = 0

    def add(self, other: Counts) -> None:
        """Add the points of another frame."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))

    def text(self) -> str:
        """Return one row of the table."""
        return (
            f'hidden {self.hidden:6d} found {100 * self.found / self.hidden:5.1f} % | '
            f'blocked {self.blocked:6d} found {100 * self.blocked_found / self.blocked:5.1f} % | '
            f'clear {self.clear:7d} right {100 * self.clear_right / self.clear:6.2f} % '
            f'lost {100 * self.clear_lost / self.clear:5.2f} % | '
            f'seen {self.seen:7d} right {100 * self.seen_right / self.seen:6.2f} % '
            f'lost {100 * self.seen_lost / self.seen:5.2f} %'
        )


def small_rig() -> tuple[Rig, LidarModel]:
    """Return a 640 px camera, and 64 rings 0.4 m above and behind it."""
    rig = load_rig()
    camera = replace(rig.camera(RGB), D=DISTORTION)
    return rig.with_camera(RGB, camera), LidarModel()


def large_rig() -> tuple[Rig, LidarModel]:
    """Return a 1280 px camera, and 128 rings 1.1 m behind, 0.45 m above and 0.1 m beside it."""
    K = np.array([[914.0, 0, 639.5], [0, 914.0, 383.5], [0, 0, 1]])
    plain = CameraModel(width=1280, height=768, K=K)
    T = np.eye(4)
    T[:3, 3] = 0.1, 0.1, 1.95
    rig = load_rig().with_camera(RGB, replace(plain, D=DISTORTION)).with_camera(DEPTH, plain)
    return rig.with_pose(LIDAR, T), LidarModel(
        rings=128, columns=2048, low_deg=-25.0, high_deg=15.0
    )


RIGS = {'small': small_rig, 'large': large_rig}


def odometry_around(drive: Drive, stamp_ns: int) -> Odometry:
    """Return the poses of the sequence every 20 ms, as a wheel odometry gives them."""
    odometry = Odometry()
    for offset_ns in range(-100_000_000, 100_000_001, 20_000_000):
        time_s = (stamp_ns + offset_ns - START_NS) / 1e9
        odometry.add(stamp_ns + offset_ns, drive.scene.ego.pose(time_s)[0])
    return odometry


def count_frame(drive: Drive, k: int) -> dict[str, Counts]:
    """Return the counts of one frame by method."""
    frame = next(drive.frames(k, k + 1))
    camera, sample = drive.rig.camera(RGB), frame.samples[LIDAR]
    assert isinstance(sample.payload, CloudData)
    odometry = odometry_around(drive, frame.stamp_ns)
    motion = RigInMotion(drive.rig, frame.stamp_ns, odometry)
    xyz = motion.xyz(LIDAR, sample.payload, sample.stamp_ns)
    snapshot = drive.world.at((frame.stamp_ns - START_NS) / 1e9)
    classes = drive.scene.surfaces['label']
    T = drive.rig.T(RGB, LIDAR)
    T_world_camera = frame.T_world_base @ drive.rig.T_base(RGB)
    sight = cast_sight(snapshot, classes, T_world_camera, camera, transform_points(T, xyz))
    names = (DEPTH, LIDAR)
    both = FrameSet(RGB, frame.stamp_ns, frame.samples, names, CloseReason.COMPLETE)
    alone = replace(both, samples={LIDAR: sample})
    geometry = FrameGeometry(drive.rig, frame.stamp_ns, odometry)
    projections = {
        'z-buffer': project_cloud(xyz, T, camera),
        'lidar': seen_points(sample, alone, geometry, camera),
        'lidar+depth': seen_points(sample, both, geometry, camera),
    }
    true_labels = frame.point_labels[sight.index]
    known = true_labels != IGNORED
    results = {}
    for name, projection in projections.items():
        found, _, visible = transfer_labels(
            frame.labels, np.zeros_like(frame.labels), projection, IGNORED
        )
        right, lost = found[sight.index] == true_labels, ~visible[sight.index]
        hidden, blocked, clear = (m & known for m in (sight.hidden, sight.blocked, sight.clear))
        seen = known & ~sight.blocked
        groups = hidden, hidden & lost, blocked, blocked & lost, clear, clear & right
        groups += clear & lost, seen, seen & right, seen & lost
        results[name] = Counts(*(int(group.sum()) for group in groups))
    return results


def count_drive(rig_name: str, seed: int, condition: str, frames: int) -> dict[str, Counts]:
    """Return the counts of a sequence by method; its frames are two seconds apart."""
    rig, lidar = RIGS[rig_name]()
    config = DriveConfig(
        frames=frames * FRAMES_APART, rig=rig, lidar=lidar, condition=condition,
        speed_mps=SPEED_MPS,
    )  # fmt: skip
    drive = Drive(seed, config)
    total = {name: Counts() for name in METHODS}
    for k in range(0, config.frames, FRAMES_APART):
        for name, counts in count_frame(drive, k).items():
            total[name].add(counts)
    return total


def rows(drives: list[str], frames: int) -> Iterator[tuple[str, dict[str, Counts]]]:
    """Yield (rig:seed:condition, counts) per sequence, and the sum per rig."""
    sums: dict[str, dict[str, Counts]] = {}
    for drive in drives:
        rig_name, seed, condition = drive.split(':')
        counts = count_drive(rig_name, int(seed), condition, frames)
        yield drive, counts
        for name, found in counts.items():
            sums.setdefault(rig_name, {n: Counts() for n in METHODS})[name].add(found)
    yield from sums.items()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('drives', nargs='+', help='rig:seed:condition, e.g. small:71:sun')
    parser.add_argument('--frames', type=int, default=3)
    args = parser.parse_args()
    for drive, counts in rows(args.drives, args.frames):
        for name, found in counts.items():
            sys.stdout.write(f'{drive:18s} {name:12s} {found.text()}\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main()
