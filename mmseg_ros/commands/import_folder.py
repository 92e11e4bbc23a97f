"""`mmseg_ros import`: folders of the usual kinds become a bag with calibration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import HIGHEST_RATE_HZ, real_number

if TYPE_CHECKING:
    from mmseg_ros.bag.recorded_files import FolderRecording

EPILOG = """examples:
  python -m mmseg_ros import kitti kitti/training --frames 000000 --out out/kitti0
  python -m mmseg_ros import nuscenes nuscenes --scene scene-0061 --out out/scene
  python -m mmseg_ros import images recording --calibration camchain.yaml --out out/own

images: a sub-folder per sensor (rgb/*.png, depth/*.png in mm, lidar/*.bin .npy .pcd .ply
.pcd.bin, event/*.raw .dat .h5 .aedat4, thermal/*.png, labels/*.png) and stamps.txt: a line per
file, a stamp or a name and a stamp. Calibration: --calibration, or calibration.yaml in the
folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('kind', choices=('kitti', 'nuscenes', 'images'), help='kind of folder')
    parser.add_argument('folder', type=Path, help='the folder')
    parser.add_argument('--out', type=Path, required=True, help='bag folder to make')
    parser.add_argument('--calibration', type=Path, help='calibration file (images)')
    parser.add_argument(
        '--rate',
        type=real_number(most=HIGHEST_RATE_HZ, positive=True),
        default=10.0,
        help='Hz of files without stamps',
    )
    parser.add_argument('--frames', nargs='+', default=[], help='frames to take (kitti)')
    parser.add_argument('--scene', default='', help='name of the scene (nuscenes); the first')
    parser.add_argument('--camera', default='CAM_FRONT', help='channel of the camera (nuscenes)')
    parser.add_argument('--columns', type=int, choices=(4, 5, 6), help='columns of .bin clouds')
    parser.add_argument(
        '--depth-scale',
        type=real_number(positive=True),
        default=1000.0,
        help='steps of 16-bit depth per meter',
    )


def run(args: argparse.Namespace) -> int:
    """Write the bag and say what it holds.

    Raises:
        MmsegError: The folder or a file of it cannot be read.
    """
    from mmseg_ros.bag.recorded_files import write_recording
    from mmseg_ros.projection.summary import rig_summary

    recording = _recording(args)
    counts = write_recording(recording, args.out, args.columns, args.depth_scale)
    found = ', '.join(f'{count} {name}' for name, count in counts.items())
    labels = f', {len(recording.labels)} label images' if recording.labels else ''
    sys.stdout.write(f'{rig_summary(recording.rig)}\n{args.out}: {found}{labels}\n')
    return 0


def _recording(args: argparse.Namespace) -> FolderRecording:
    from mmseg_ros.bag.image_folders import image_folders
    from mmseg_ros.bag.kitti_folders import kitti_folders
    from mmseg_ros.bag.nuscenes_folders import nuscenes_folders

    if args.kind == 'kitti':
        return kitti_folders(args.folder, args.frames)
    if args.kind == 'nuscenes':
        return nuscenes_folders(args.folder, args.scene, args.camera)
    return image_folders(args.folder, args.calibration, args.rate)
