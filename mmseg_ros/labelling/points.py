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
_TOGETHER, _WHOLE = 8, 0xFFFF
_BLOCK = 2048
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
    point_labels = np.full(len(projection.visible), ignore_id, labels.dtype)
    point_confidence = np.zeros(len(projection.visible), np.float32)
    # Loops are compiled for such arrays only.
    labels, confidence = (
        np.require(image, requirements=['C', 'W']) for image in (labels, confidence)
    )
    _transfer(
        labels, confidence, projection.u, projection.v, projection.index, projection.visible,
        point_labels, point_confidence,
    )  # fmt: skip
    return point_labels, point_confidence, projection.visible


@compiled
def _transfer(
    labels: NDArray[Any],
    confidence: NDArray[np.uint8],
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    index: NDArray[np.int64],
    visible: NDArray[np.bool_],
    point_labels: NDArray[Any],
    point_confidence: NDArray[np.float32],
) -> None:
    for k in range(len(u)):
        row, column, i = v[k], u[k], index[k]
        inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
        if inside and 0 <= i < len(visible) and visible[i]:
            point_labels[i] = labels[row, column]
            point_confidence[i] = np.float32(confidence[row, column]) * np.float32(1 / 255)


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
        table = packed_rgb(palette)
        if color_name == 'rgba':
            table = (table.view(np.uint32) | np.uint32(0xFF000000)).view(np.float32)
        colors = np.empty(len(labels), np.float32)
        _look_up(
            table.view(np.uint32),
            np.require(labels, requirements=['C', 'W']),
            colors.view(np.uint32),
        )
        added.append((color_name, colors.view(np.uint32) if color_name == 'rgba' else colors))
    return _with_fields(cloud.points, added)


def packed_rgb(colors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return N float32 whose bits are 0x00RRGGBB, as rviz reads the field rgb.

    Args:
        colors: N x 3 uint8 RGB.
    """
    bits = np.zeros((len(colors), 4), np.uint8)
    bits[:, :3] = colors[:, ::-1]
    return bits.view('<f4').reshape(-1).astype(np.float32, copy=False)


@compiled
def _look_up(table: NDArray[np.uint32], labels: NDArray[Any], colors: NDArray[np.uint32]) -> None:
    for i in range(len(colors)):
        colors[i] = table[min(max(labels[i], 0), len(table) - 1)]


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
    merged = np.empty((len(points), len(halves) // 2 + len(added)), np.uint32)
    _join(rows, halves, _begins_alike(halves), columns, merged.view(np.uint16), merged)
    return merged.view(dtype).reshape(len(points))


def _begins_alike(halves: NDArray[np.uint16]) -> bool:
    """Return whether the first 16 bytes of a point stay where they are, as x, y, z, intensity do.

    They are copied as one then.
    """
    first = halves[:_TOGETHER]
    return len(first) == _TOGETHER and bool(
        (first[:, 0] == np.arange(_TOGETHER)).all() and (first[:, 1] == _WHOLE).all()
    )


@compiled
def _join(
    points: NDArray[np.uint16],
    halves: NDArray[np.uint16],
    begins_alike: bool,
    added: NDArray[np.uint32],
    merged: NDArray[np.uint16],
    words: NDArray[np.uint32],
) -> None:
    """Fill `merged`, of which `words` is a view, field by field: few points are in the cache."""
    first = _TOGETHER if begins_alike else 0
    kept = len(halves) // 2
    for start in range(0, len(words), _BLOCK):
        end = min(start + _BLOCK, len(words))
        rows, part = points[start:end], words[start:end]
        if begins_alike:
            _copy_begin(rows, merged[start:end])
        for k in range(first, len(halves), 2):
            _copy_word(rows, halves[k], halves[k + 1], part[:, k // 2])
        for k in range(len(added)):
            part[:, kept + k] = added[k, start:end]


@compiled
def _copy_begin(points: NDArray[np.uint16], merged: NDArray[np.uint16]) -> None:
    for i in range(len(merged)):
        a, b, c, d = points[i, 0], points[i, 1], points[i, 2], points[i, 3]
        e, f, g, h = points[i, 4], points[i, 5], points[i, 6], points[i, 7]
        merged[i, 0], merged[i, 1], merged[i, 2], merged[i, 3] = a, b, c, d
        merged[i, 4], merged[i, 5], merged[i, 6], merged[i, 7] = e, f, g, h


@compiled
def _copy_word(
    points: NDArray[np.uint16],
    low: NDArray[np.uint16],
    high: NDArray[np.uint16],
    words: NDArray[np.uint32],
) -> None:
    low_at, low_mask, high_at, high_mask = low[0], low[1], high[0], high[1]
    for i in range(len(words)):
        upper = np.uint32(points[i, high_at] & high_mask)
        words[i] = np.uint32(points[i, low_at] & low_mask) | (upper << np.uint32(16))


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
