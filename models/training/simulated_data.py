"""The data set that a recipe brings: made before the first step where it is missing."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.parameters import Checked, parameter

LOG = logging.getLogger(__name__)
UNFINISHED = '.unfinished'
"""Ending of a file beside a data set's folder while it is being made: it resumes from there."""
_POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class SimulatedPart(Checked):
    """One entry of `data.simulate`: what `simulate --layout deliver` would be asked for."""

    world: str = parameter(
        'streets', 'streets are rendered; tiny has boxes, for trying out.',
        choices=('streets', 'tiny'),
    )  # fmt: skip
    split: str = parameter('train', 'Where it goes.', choices=('train', 'val', 'test'))
    scenes: int = parameter(20, 'Streets.', low=1, high=1_000_000)
    frames: int = parameter(6, 'Frames of each street.', low=1, high=100_000)
    interval_s: float = parameter(
        1.0, 'Time between frames.', unit='s', low=0.01, high=60.0
    )  # fmt: skip
    seed: int = parameter(0, 'Other seeds, other streets.', low=0, high=10_000_000)
    height: int = parameter(192, 'Rows of the images.', unit='px', low=16, high=8192)
    width: int = parameter(320, 'Columns of the images.', unit='px', low=16, high=8192)
    rigs: str = parameter(
        'train', 'Scenes with a sensor set of their own: those of the split train, all or none.',
        choices=('train', 'all', 'fixed'),
    )  # fmt: skip
    referring: bool = parameter(False, 'Whether text prompts with masks are written too.')


def ensure_data(root: str | Path, parts: Sequence[SimulatedPart]) -> None:
    """Make a data set as a recipe describes it, unless its folder is there.

    A folder that an interrupted run left resumes where it stopped. Of several processes the first
    makes it and the others wait.

    Args:
        root: Folder of the data set.
        parts: Entries of `data.simulate`; none leaves everything as it is.

    Raises:
        DatasetError: The unfinished folder holds a data set of another size, or a package of the
            simulator is missing.
    """
    root = Path(root)
    mark = root.with_name(root.name + UNFINISHED)
    if not parts or (root.exists() and not mark.exists()):
        return
    if os.environ.get('RANK', '0') != '0':
        _wait_for(root, mark)
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    write_text(mark, f'The trainer makes {root}; start it again to go on.\n')
    root.mkdir(exist_ok=True)
    for part in parts:
        _make(root, part)
    mark.unlink()


def _wait_for(root: Path, mark: Path) -> None:
    while mark.exists() or not root.exists():
        time.sleep(_POLL_S)


def _make(root: Path, part: SimulatedPart) -> None:
    count, began_s = part.scenes, time.monotonic()
    LOG.info('%s: making %d scenes of %d frames, %s', root, count, part.frames, part.split)
    for done, written in enumerate(_scenes(root, part), 1):
        if written and (done % max(count // 20, 1) == 0 or done == count):
            LOG.info('%s: %d of %d scenes, %.0f s', root, done, count, time.monotonic() - began_s)


def _scenes(root: Path, part: SimulatedPart) -> Iterator[bool]:
    """Make the scenes that are missing; yield per scene whether it was."""
    if part.world == 'tiny':
        from mmseg_ros.datasets.tiny import write_tiny_dataset

        frames = {part.split: part.scenes * part.frames}
        write_tiny_dataset(root, frames, part.height, part.width, part.seed)
        yield from [True] * part.scenes
        return
    try:
        from mmseg_ros.sim.dataset import DatasetConfig, write_dataset
    except ImportError as error:
        raise DatasetError(
            f'{root} is missing and cannot be made: the simulator needs {error.name}; '
            "pip install 'mmseg_ros[sim]', or give --data.root the folder of a data set."
        ) from error
    config = DatasetConfig(
        out=root, scenes=part.scenes, frames=part.frames, height=part.height, width=part.width,
        interval_s=part.interval_s, split=part.split, seed=part.seed, rigs=part.rigs,
        referring=part.referring,
    )  # fmt: skip
    for _, written in write_dataset(config, os.cpu_count() or 1):
        yield written
