"""Labels back onto the points of a cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import CloudData
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.lidar import LidarProjection

_ALIGNMENT = 4
# preset -> names of label, confidence and color; None leaves the field out
FIELD_PRESETS: dict[str, tuple[str, str | None, str | None]] = {
    'default': ('label', 'confidence', 'rgb'),
    'autoware': ('class_id', 'probability', None),
    'hydra': ('label', None, 'rgba'),
}


def transfer_labels(
    labels: NDArray[Any],
    confidence: NDArray[np.uint8],
    projection: LidarProjection,
    ignore_id: int,
) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_]]:
    """Return (label N, confidence N in 0..1, visible N) of the points of a cloud.

    A point that is hidden or outside the image gets `ignore_id` and confidence 0, never the class
    of what hides it.

    Args:
        labels: H x W class ids at the size of the projection.
        confidence: H x W uint8, 0..255.
        projection: Where the points fall.
        ignore_id: Id of points without a label.
    """
    shown = projection.shown
    index, u, v = projection.index[shown], projection.u[shown], projection.v[shown]
    point_labels = np.full(len(projection.visible), ignore_id, labels.dtype)
    point_confidence = np.zeros(len(projection.visible), np.float32)
    point_labels[index] = labels[v, u]
    point_confidence[index] = confidence[v, u] * np.float32(1 / 255)
    return point_labels, point_confidence, projection.visible


def labelled_cloud(
    cloud: CloudData,
    labels: NDArray[Any],
    confidence: NDArray[np.float32],
    palette: NDArray[np.uint8],
    preset: str = 'default',
) -> NDArray[Any]:
    """Return the points with their own fields, then label, confidence and color.

    Input fields keep names and types. Every field begins at a multiple of four bytes, as readers
    that cast a point to a struct need it. The preset names what is added: default (label,
    confidence float32, rgb float32 packed 0x00RRGGBB), autoware (class_id uint8, probability) or
    hydra (label uint32, rgba uint32).

    Args:
        cloud: The points.
        labels: N class ids.
        confidence: N float32 in 0..1.
        palette: 256 x 3 uint8 RGB.
        preset: A key of FIELD_PRESETS.

    Raises:
        ConfigError: There is no such preset.
    """
    if preset not in FIELD_PRESETS:
        raise ConfigError(
            f'Unknown field preset {preset!r}; there are: {", ".join(FIELD_PRESETS)}.'
        )
    label_name, confidence_name, color_name = FIELD_PRESETS[preset]
    added: list[tuple[str, NDArray[Any]]] = [
        (label_name, labels.astype(np.uint32) if preset == 'hydra' else labels)
    ]
    if confidence_name:
        added.append((confidence_name, confidence))
    if color_name:
        colors = packed_rgb(palette)[np.minimum(labels, 255)]
        opaque = colors.view(np.uint32) | np.uint32(0xFF000000)
        added.append((color_name, opaque if color_name == 'rgba' else colors))
    return _with_fields(cloud.points, added)


def packed_rgb(colors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return N float32 whose bits are 0x00RRGGBB, as rviz reads the field rgb.

    Args:
        colors: N x 3 uint8 RGB.
    """
    bits = np.zeros((len(colors), 4), np.uint8)
    bits[:, :3] = colors[:, ::-1]
    return bits.view('<f4').reshape(-1).astype(np.float32, copy=False)


def organized_cloud(
    depth_m: NDArray[np.float32],
    valid: NDArray[np.bool_],
    camera: CameraModel,
    labels: NDArray[Any],
    confidence: NDArray[np.uint8],
    palette: NDArray[np.uint8],
) -> CloudData:
    """Return H x W points in the camera's optical frame, NaN where there is no depth.

    Row-major and of the size of the label image, without row padding: what Nav2's semantic layer
    indexes with the pixel of the label image.

    Args:
        depth_m: H x W meters along the optical axis.
        valid: H x W bool, where it was measured.
        camera: The camera at that size.
        labels: H x W class ids.
        confidence: H x W uint8, 0..255.
        palette: 256 x 3 uint8 RGB.
    """
    z = np.where(valid, depth_m, np.float32(np.nan))
    flat = labels.reshape(-1)
    floats = [(name, np.dtype('<f4')) for name in ('x', 'y', 'z')]
    added = [(name, np.dtype('<f4')) for name in ('confidence', 'rgb')]
    points = np.zeros(z.size, _aligned([*floats, ('label', labels.dtype), *added]))
    points['x'] = (z * camera.rays[..., 0]).reshape(-1)
    points['y'] = (z * camera.rays[..., 1]).reshape(-1)
    points['z'] = z.reshape(-1)
    points['label'] = flat
    points['confidence'] = confidence.reshape(-1) * np.float32(1 / 255)
    points['rgb'] = packed_rgb(palette)[np.minimum(flat, 255)]
    return CloudData(points, z.shape[0], z.shape[1])


def _with_fields(points: NDArray[Any], added: list[tuple[str, NDArray[Any]]]) -> NDArray[Any]:
    replaced = {name for name, _ in added}
    kept = [name for name in points.dtype.names or () if name not in replaced]
    columns = [(name, points.dtype[name]) for name in kept]
    dtype = _aligned([*columns, *((n, a.dtype) for n, a in added)])
    halves = _halves_of(points.dtype, kept)
    if halves is not None and all(values.itemsize <= _ALIGNMENT for _, values in added):
        return _joined(points, halves, [values for _, values in added], dtype)
    merged = np.zeros(len(points), dtype)
    for name in kept:
        merged[name] = points[name]
    for name, values in added:
        merged[name] = values
    return merged


def _halves_of(dtype: np.dtype[Any], kept: Sequence[str]) -> NDArray[np.uint16] | None:
    """Return K x 2: the pairs of bytes of a point that fill the kept fields, and their masks.

    Pairs, since drivers pack rings of two bytes between floats. A mask of 0 is padding. None where
    a field begins inside a pair: then each is copied by itself.
    """
    fields: Mapping[str, Any] = dtype.fields or {}
    found: list[tuple[int, int]] = []
    for name in kept:
        field, offset = fields[name][:2]
        if offset % 2 or dtype.itemsize % 2:
            return None
        sizes = range(field.itemsize, -(-field.itemsize % _ALIGNMENT), -2)
        found += [
            (offset // 2 + i if size > 0 else 0, (1 << 8 * min(max(size, 0), 2)) - 1)
            for i, size in enumerate(sizes)
        ]
    return np.array(found, np.uint16).reshape(-1, 2)


def _joined(
    points: NDArray[Any],
    halves: NDArray[np.uint16],
    added: Sequence[NDArray[Any]],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Return the points with fields of at most four bytes added, in one pass."""
    source = np.ascontiguousarray(points)
    if not source.flags.writeable:  # loops are compiled for arrays that can be written
        source = source.copy()
    rows = source.view(np.uint16).reshape(len(points), points.dtype.itemsize // 2)
    columns = np.empty((len(added), len(points)), np.uint32)
    for column, values in zip(columns, added, strict=True):
        column[:] = values.view(np.uint32) if values.itemsize == _ALIGNMENT else values
    pairs = columns.view(np.uint16).reshape(len(added), len(points), 2)
    merged = np.empty((len(points), len(halves) + 2 * len(added)), np.uint16)
    _join(rows, halves, pairs, merged)
    return merged.view(dtype).reshape(len(points))


@compiled
def _join(
    points: NDArray[np.uint16],
    halves: NDArray[np.uint16],
    added: NDArray[np.uint16],
    merged: NDArray[np.uint16],
) -> None:
    count = len(halves)
    for i in range(len(merged)):
        for k in range(count):
            merged[i, k] = points[i, halves[k, 0]] & halves[k, 1]
        for k in range(len(added)):
            merged[i, count + 2 * k] = added[k, i, 0]
            merged[i, count + 2 * k + 1] = added[k, i, 1]


def _aligned(columns: Sequence[tuple[str, np.dtype[Any]]]) -> np.dtype[Any]:
    """Return a structured type whose fields, and whose size, are multiples of four bytes apart."""
    sizes = [-(-dtype.itemsize // _ALIGNMENT) * _ALIGNMENT for _, dtype in columns]
    return np.dtype(
        {
            'names': [name for name, _ in columns],
            'formats': [dtype for _, dtype in columns],
            'offsets': [sum(sizes[:index]) for index in range(len(sizes))],
            'itemsize': sum(sizes),
        }
    )
