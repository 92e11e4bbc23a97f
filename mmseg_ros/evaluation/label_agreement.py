"""How far two bundles agree on the same frames: no ground truth is needed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import DatasetError, EvaluationError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.label_png import read_label_png
from mmseg_ros.evaluation.mask_folder import FRAMES_FILE, LABEL_SPACE_FILE
from mmseg_ros.metrics.metrics import ConfusionMatrix, rounded


def label_agreement(a: Path, b: Path) -> dict[str, Any]:
    """Compare two folders of `--export-masks`, frame by frame.

    Args:
        a: Label images of one bundle.
        b: Of the other.

    Returns:
        `frames` that both have, `agreement` (share of their pixels with the same label) and
        `class_iou` (pixels that both label so, divided by pixels that one of them does).

    Raises:
        EvaluationError: They have other classes, no frame in common, or images of other sizes.
        DatasetError: A file is damaged.
    """
    spaces = [load_label_space(str(folder / LABEL_SPACE_FILE)) for folder in (a, b)]
    if spaces[0].names != spaces[1].names:
        raise EvaluationError(
            f'{a} has the classes of {spaces[0].id!r} and {b} those of {spaces[1].id!r}; labels '
            'of other classes do not compare.'
        )
    ours, theirs = (_frames(folder) for folder in (a, b))
    common = [name for name in ours if name in theirs]
    if not common:
        raise EvaluationError(f'{a} and {b} have no frame in common.')
    matrix = ConfusionMatrix(spaces[0].num_classes, spaces[0].ignore_id)
    for name in common:
        one, other = read_label_png(a / ours[name]), read_label_png(b / theirs[name])
        if one.shape != other.shape:
            raise EvaluationError(f'{a} and {b}: the labels of {name} differ in size.')
        matrix.update(one, other)
    iou = dict(zip(spaces[0].names, map(rounded, matrix.iou()), strict=True))
    return {'frames': len(common), 'agreement': rounded(matrix.accuracy()), 'class_iou': iou}


def _frames(folder: Path) -> Mapping[str, str]:
    """Return the file of each frame, by its stamp or its name in a data set."""
    try:
        with (folder / FRAMES_FILE).open(encoding='utf-8', newline='') as stream:
            return {row['name'] or row['stamp_ns']: row['file'] for row in csv.DictReader(stream)}
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise DatasetError(f'{folder / FRAMES_FILE} cannot be read: {error!r}.') from error
