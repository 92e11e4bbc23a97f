"""One cloud that several cameras label: per point, the most confident camera that sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError, SampleError
from mmseg_ros.labelling.points import FIELD_PRESETS
from mmseg_ros.projection.compiled import compiled

_NOBODY = -1


def merge_views(
    views: Sequence[tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_]]], ignore_id: int
) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_]]:
    """Return (label N, confidence N, visible N) of one cloud that several cameras label.

    Of the cameras that see a point the most confident one names it; a point that none sees has
    no label.

    Args:
        views: What `transfer_labels` returned for each camera, the same cloud in the same order.
        ignore_id: Id of points without a label.

    Raises:
        ConfigError: There is no view, or the views are of clouds of different length.
    """
    if not views or len({len(labels) for labels, _, _ in views}) != 1:
        raise ConfigError(
            'Views to merge must be of one cloud, but have '
            f'{[len(labels) for labels, _, _ in views]} points.'
        )
    named = [np.where(visible, labels, ignore_id) for labels, _, visible in views]
    owner = most_confident(
        [(a.astype(v[0].dtype), v[1]) for a, v in zip(named, views, strict=True)], ignore_id
    )
    labels, confidence, visible = (np.stack(parts) for parts in zip(*views, strict=True))
    best, point = np.maximum(owner, 0), np.arange(len(owner))
    found = owner != _NOBODY
    return (
        np.where(found, labels[best, point], ignore_id).astype(labels.dtype),
        np.where(found, confidence[best, point], np.float32(0.0)),
        np.asarray(visible.any(axis=0)),
    )


def most_confident(
    views: Sequence[tuple[NDArray[Any], NDArray[np.float32]]], ignore_id: int
) -> NDArray[np.int16]:
    """Return per point the number of the view that names it, -1 where none does.

    Args:
        views: Labels N and confidence N of each camera; `ignore_id` where it does not see a point.
            A confidence that is NaN names nothing. The first of equals counts.
        ignore_id: Id of points without a label.
    """
    count = len(views[0][0])
    best = np.full(count, -1.0, np.float32)
    owner = np.full(count, _NOBODY, np.int16)
    for number, (labels, confidence) in enumerate(views):
        _claim(labels, confidence, ignore_id, number, best, owner)
    return owner


def merge_clouds(clouds: Sequence[NDArray[Any]], ignore_id: int) -> NDArray[Any]:
    """Return one labeled cloud of several of the same scan, with the fields of the first.

    Where a preset has no confidence (hydra), the first camera that sees a point names it.

    Args:
        clouds: N points each in the same order, as `labelled_cloud` returns them: structured
            arrays of one type, with the fields that a preset of FIELD_PRESETS adds.
        ignore_id: Id of points without a label.

    Raises:
        SampleError: They differ in length or fields, or have no label.
    """
    first = clouds[0]
    for number, cloud in enumerate(clouds[1:], 2):
        if cloud.dtype != first.dtype or len(cloud) != len(first):
            raise SampleError(
                f'Cloud {number} has {len(cloud)} points with {", ".join(cloud.dtype.names or ())}'
                f', but the first has {len(first)} with {", ".join(first.dtype.names or ())}.'
            )
    label, confidence, color = label_fields(first.dtype)
    sure = np.ones(len(first), np.float32)
    owner = most_confident(
        [(c[label], c[confidence] if confidence else sure) for c in clouds], ignore_id
    )
    fields: Mapping[str, Any] = first.dtype.fields or {}
    merged = np.array(first, copy=True, order='C')
    into = _bytes_of(merged)
    for number, cloud in enumerate(clouds[1:], 1):
        rows = _bytes_of(np.ascontiguousarray(cloud))
        for name in filter(None, (label, confidence, color)):
            begin = fields[name][1]
            _take(rows, owner, number, begin, begin + first.dtype[name].itemsize, into)
    return merged


def label_fields(dtype: np.dtype[Any]) -> tuple[str, str | None, str | None]:
    """Return the names of label, confidence and color among the fields of a labeled cloud.

    Raises:
        SampleError: It has not the fields of any preset.
    """
    names = dtype.names or ()
    for preset in FIELD_PRESETS.values():
        if all(name is None or name in names for name in preset):
            return preset
    raise SampleError(
        f'The cloud has no label: its fields are {", ".join(names)}, and a labeled one has those '
        f'of a preset: {", ".join("/".join(filter(None, p)) for p in FIELD_PRESETS.values())}.'
    )


def _bytes_of(points: NDArray[Any]) -> NDArray[np.uint8]:
    return points.view(np.uint8).reshape(len(points), points.dtype.itemsize)


@compiled
def _claim(
    labels: NDArray[Any],
    confidence: NDArray[np.float32],
    ignore_id: int,
    number: int,
    best: NDArray[np.float32],
    owner: NDArray[np.int16],
) -> None:
    """Let one view name the points of which it is surer than all before."""
    for i in range(len(owner)):
        if labels[i] != ignore_id and confidence[i] > best[i]:
            best[i] = confidence[i]
            owner[i] = number


@compiled
def _take(
    rows: NDArray[np.uint8],
    owner: NDArray[np.int16],
    number: int,
    begin: int,
    end: int,
    merged: NDArray[np.uint8],
) -> None:
    """Copy some bytes of the points that a view names."""
    for i in range(len(owner)):
        if owner[i] == number:
            for k in range(begin, end):
                merged[i, k] = rows[i, k]
