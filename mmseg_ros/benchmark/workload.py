"""What is measured on: a few frames of a simulated street, and the sensor subsets."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ros.core.types import CloseReason, FrameSet, Modality
from mmseg_ros.sim.sequence import Drive, DriveConfig, DriveFrame

SEED = 11


def simulated_frames(count: int) -> tuple[Drive, list[DriveFrame]]:
    """Return a sequence and its first frames, all four sensors, the same on every machine."""
    drive = Drive(SEED, DriveConfig(frames=count))
    return drive, list(drive.frames())


def frame_set(frame: DriveFrame, subset: Sequence[Modality]) -> FrameSet:
    """Return the frame that holds a frame's samples of `subset`."""
    samples = {name: frame.samples[name] for name in subset if name in frame.samples}
    reference = next(iter(samples))
    return FrameSet(reference, frame.stamp_ns, samples, tuple(samples), CloseReason.COMPLETE)


def subsets_to_measure(modalities: Sequence[Modality]) -> list[tuple[Modality, ...]]:
    """Return the full set, the full set less each modality, and shorter ones to the first alone.

    >>> subsets_to_measure(['rgb', 'depth', 'lidar'])
    [('rgb', 'depth', 'lidar'), ('depth', 'lidar'), ('rgb', 'lidar'), ('rgb', 'depth'), ('rgb',)]
    """
    full = tuple(modalities)
    found = [full]
    if len(full) > 1:
        found += [tuple(name for name in full if name != gone) for gone in full]
    found += [full[:count] for count in range(len(full) - 2, 0, -1)]
    return list(dict.fromkeys(found))
