"""How a data set with text prompts is opened: by what its folder looks like."""

from __future__ import annotations

from pathlib import Path

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.deliver import SPLITS as DELIVER_SPLITS
from mmseg_ros.datasets.refer import ReferringSource
from mmseg_ros.datasets.refer_coco import SPLITS, RefCoco
from mmseg_ros.datasets.refer_sim import SimulatedReferring


def holds_prompts(folder: str | Path) -> bool:
    """Return whether a folder looks like a data set with text prompts; no file is opened."""
    return (Path(folder) / 'referring').is_dir() or is_refcoco(Path(folder))


def open_referring(
    folder: str | Path, split: str, split_by: str = '', images: str = ''
) -> ReferringSource:
    """Return one split of a data set with text prompts.

    Args:
        folder: A data set in DeLiVER's layout with `referring/`, or one of the RefCOCO family: the
            folder `refcoco`, `refcoco+` or `refcocog` with `instances.json` and `refs(...).p`.
        split: train, val or test; of RefCOCO and RefCOCO+ by UNC also testA and testB.
        split_by: RefCOCO family: who split it; empty takes unc, or umd for RefCOCOg.
        images: RefCOCO family: folder of COCO's train2014 images; empty takes
            `images/mscoco/images/train2014` beside the data set's folder.

    Raises:
        DatasetError: The folder is neither, or a file is missing or damaged.
    """
    folder = Path(folder)
    if (folder / 'referring').is_dir():
        return SimulatedReferring(folder, split, regions=True)
    name = folder.resolve().name
    if is_refcoco(folder):
        owner = split_by or next(iter(SPLITS[name]))
        return RefCoco(folder.resolve().parent, name, owner, split, images or None)
    raise DatasetError(
        f'{folder} holds no text prompts: expected referring/ (`mmseg_ros simulate --referring` '
        f'writes it), or a folder {", ".join(SPLITS)} with instances.json and refs(...).p.'
    )


def is_refcoco(folder: Path) -> bool:
    """Return whether a folder is one of the RefCOCO family, by its name and table."""
    return folder.resolve().name in SPLITS and (folder / 'instances.json').is_file()


def splits_of(folder: Path, split_by: str = '') -> tuple[str, ...]:
    """Return the splits that a data set with text prompts may have.

    Args:
        folder: As for `open_referring`.
        split_by: As there.

    Raises:
        DatasetError: Nobody of that name split it.
    """
    if not is_refcoco(folder):
        return DELIVER_SPLITS
    known = SPLITS[folder.resolve().name]
    owner = split_by or next(iter(known))
    if owner not in known:
        raise DatasetError(f'{folder} is split by {" or ".join(known)}, not {owner!r}.')
    return known[owner]
