"""Poses of sensors in one base frame, whatever the root of the transforms is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Modality
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION, invert

BASES = ('base_link', 'base_footprint', 'base', 'ego_vehicle', 'vehicle', 'body')
"""Names that are taken as the base if they stand above the sensors, best first."""
_WORLDS = ('map', 'odom', 'world', 'earth', 'utm', 'enu', 'global', 'local', 'camera_init')


def base_frame(tree: FrameTree, frame_ids: Collection[str]) -> str:
    """Return the frame in which most of these sensors have a pose; '' if none has.

    It is the first of `BASES` that the transforms know; else the root, or what stands below it if
    the root is the world, in which the vehicle moves.

    Args:
        tree: The transforms.
        frame_ids: Frames of the sensors, the most important one first.

    Raises:
        CalibrationError: The transforms hold a loop.
    """
    chains = [tree.ancestors(frame_id) for frame_id in frame_ids if frame_id]
    children = tree.children()
    chains = [chain for chain in chains if len(chain) > 1 or chain[0] in children]
    if not chains:
        return ''
    root = Counter(chain[-1] for chain in chains).most_common(1)[0][0]
    for name in BASES:
        if tree.ancestors(name)[-1] == root and (name == root or len(tree.ancestors(name)) > 1):
            return name
    below = [chain for chain in chains if chain[-1] == root]
    chain = below[0]
    while len(chain) > 1 and (
        chain[-1] in _WORLDS
        or (chain[-2] in tree.moving and all(chain[-2] in other for other in below))
    ):
        chain = chain[:-1]
    return chain[-1]


def sensor_poses(
    tree: FrameTree, frames: Mapping[Modality, str], optical: Collection[Modality]
) -> dict[Modality, NDArray[np.float64]]:
    """Return T_base_sensor, 4 x 4, of every sensor that the transforms join to the others.

    Args:
        tree: The transforms.
        frames: Frame of each sensor, the most important one first.
        optical: Sensors whose frame is optical. If the base is one of them, its body axes are
            taken, so that z points up.

    Raises:
        CalibrationError: The transforms hold a loop.
    """
    base = base_frame(tree, list(frames.values()))
    if not base:
        return {}
    T_base_root = np.eye(4)
    if any(frames[name].lstrip('/') == base for name in optical if name in frames):
        T_base_root[:3, :3] = T_OPTICAL_BODY_ROTATION.T
    poses = {}
    for name, frame_id in frames.items():
        T = tree.T(base, frame_id) if frame_id else None
        if T is not None:
            poses[name] = T_base_root @ T
    return poses


def with_transform_poses(
    rig: Rig, placed_by_file: Collection[Modality], poses: Mapping[Modality, NDArray[np.float64]]
) -> Rig:
    """Return the rig with the poses that transforms tell; those of a calibration file stay.

    If the file places some sensors, the others hang on one of those by the transforms between
    them, as the base of the file need not be that of the transforms.

    Args:
        rig: What is known.
        placed_by_file: Sensors whose pose is the file's.
        poses: What `sensor_poses` returned. A sensor that it has no pose of loses an earlier one.
    """
    anchor = next((name for name in placed_by_file if name in poses), None)
    if placed_by_file and anchor is None:
        return rig
    T_base = np.eye(4) if anchor is None else rig.T_base(anchor) @ invert(poses[anchor])
    for name in {**rig.mounts, **poses}:
        known = rig.mounts.get(name, Mount()).T_base_sensor
        if name in placed_by_file:
            continue
        if name not in poses:
            rig = rig if known is None else rig.without_pose(name)
        elif known is None or not np.array_equal(known, T_base @ poses[name]):
            rig = rig.with_pose(name, T_base @ poses[name])
    return rig
