"""The demo's drive: simulated once, then read from the cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import mmseg_ros.sim
from mmseg_ros.core.atomic_files import atomic_folder
from mmseg_ros.core.resources import config_file
from mmseg_ros.projection.extrinsics import DEFAULT_RIG
from mmseg_ros.sim.recording import record_drive
from mmseg_ros.sim.sequence import DriveConfig

FRAME_RATE_HZ = 10.0
SEED = 11

Progress = Callable[[int, int], None]
"""Called with the number of frames done and their total."""


def cached_drive(cache: Path, duration_s: float, seed: int, progress: Progress) -> Path:
    """Return the bag of a simulated sequence; it is made where the cache does not hold it.

    The cache is keyed on the source of the simulation and on the options, so a changed world is
    simulated again.

    Args:
        cache: Folder of cached sequences.
        duration_s: Length of the sequence.
        seed: Which sequence.
        progress: Told about every frame.
    """
    key = cache_key(duration_s, seed)
    path = cache / f'drive-{key}'
    if path.is_dir():
        return path
    config = DriveConfig(
        frames=round(duration_s * FRAME_RATE_HZ),
        interval_s=1 / FRAME_RATE_HZ,
    )
    with atomic_folder(path) as draft:
        draft.rmdir()  # the recording makes it
        frames = record_drive(draft, seed, config, jobs=os.cpu_count() or 1)
        with closing(frames):
            for done in frames:
                progress(done, config.frames)
    return path


def cache_key(duration_s: float, seed: int) -> str:
    """Return a short hash of the options, the rig and the source that makes a sequence."""
    digest = hashlib.sha256(json.dumps([duration_s, FRAME_RATE_HZ, seed]).encode())
    folder = Path(mmseg_ros.sim.__path__[0])
    for source in [*sorted(folder.rglob('*.py')), config_file(DEFAULT_RIG)]:
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:12]
