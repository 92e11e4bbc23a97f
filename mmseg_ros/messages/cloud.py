"""sensor_msgs/PointCloud2 to a structured array, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import POINTS_LIMIT, count_fault, limits
from mmseg_ros.core.types import CloudData
from mmseg_ros.messages.buffers import as_bytes
from mmseg_ros.messages.header import stamp_ns
from mmseg_ros.messages.point_times import TIME_FIELDS, point_times

# sensor_msgs/PointField: datatype -> numpy type without byte order
POINT_FIELD_TYPES: dict[int, str] = {
    1: 'i1',
    2: 'u1',
    3: 'i2',
    4: 'u2',
    5: 'i4',
    6: 'u4',
    7: 'f4',
    8: 'f8',
}
_LONG_TYPES = {9: 'i8', 10: 'u8'}
"""What PCL writes for 64-bit integers; sensor_msgs has no such fields, so only times are read."""
_LARGEST_POINT_STEP = 1 << 16
_LONG_DTYPES = tuple(np.dtype(kind) for kind in _LONG_TYPES.values())
_FIELD_CODES = {np.dtype(kind): code for code, kind in POINT_FIELD_TYPES.items()}


def decode_cloud(msg: Any) -> CloudData:
    """Return the points of a sensor_msgs/PointCloud2 with the fields it has.

    Any order, type and padding of fields is taken; a packed little-endian cloud is a view of the
    message. Fields that nobody needs and that cannot be read are left out. Times of single points
    come from one of the fields in `point_times.TIME_FIELDS`; 64-bit ones are read, and left out.

    Raises:
        SampleError: Fields, sizes and data do not fit together, or x, y or z is missing.
    """
    points = point_array(msg, long_times=True)
    names = points.dtype.names or ()
    missing = [name for name in 'xyz' if name not in names or points.dtype[name].shape]
    if missing:
        _explain_unreadable(msg, missing)
        raise SampleError(
            f'The cloud has no field {", ".join(missing)}; '
            f'its fields: {", ".join(names) or "none"}.'
        )
    times = point_times(points, stamp_ns(msg.header))
    short = [name for name in names if points.dtype[name].base not in _LONG_DTYPES]
    points = points if len(short) == len(names) else points[short]
    return CloudData(
        points, int(msg.height), int(msg.width), times.stamp_ns, times.untimed, times.fault
    )


def point_array(
    msg: Any, most: tuple[int, str] | None = None, long_times: bool = False
) -> NDArray[Any]:
    """Return the points of a sensor_msgs/PointCloud2 as a 1-D structured array, native order.

    Args:
        msg: The cloud.
        most: Limit of the number of points and its name; that of LiDAR clouds if left out.
        long_times: Whether times may be 64-bit integers.

    Raises:
        SampleError: Fields, sizes and data do not fit together, or there are too many points.
    """
    dtype = point_dtype(msg, long_times)
    _require_count(int(msg.height) * int(msg.width), most)
    height, width, row_step = int(msg.height), int(msg.width), int(msg.row_step)
    if min(height, width, row_step) < 0:
        raise SampleError(
            f'The cloud has {width} x {height} points and row_step {row_step}; none may be '
            'negative.'
        )
    data = as_bytes(msg.data)
    packed_row = width * dtype.itemsize
    if height * width == 0:
        return np.zeros(0, dtype.newbyteorder('='))
    # Some drivers leave row_step zero in clouds of one row.
    row_step = packed_row if height == 1 and row_step == 0 else row_step
    if row_step < packed_row or len(data) < (height - 1) * row_step + packed_row:
        raise SampleError(
            f'Cloud of {width} x {height} points with point_step {dtype.itemsize} needs '
            f'row_step >= {packed_row} and row_step * height bytes, '
            f'but has row_step {row_step} and {len(data)} bytes.'
        )
    strides = (row_step, dtype.itemsize)
    points: NDArray[Any] = np.ndarray((height, width), dtype, data, strides=strides).reshape(-1)
    return points if not msg.is_bigendian else points.astype(dtype.newbyteorder('='))


def _require_count(count: int, most: tuple[int, str] | None) -> None:
    fault = count_fault(count, *(most or (limits().cloud_points, POINTS_LIMIT)))
    if fault:
        raise SampleError(f'The cloud is too large: {fault}.')


def point_dtype(msg: Any, long_times: bool = False) -> np.dtype[Any]:
    """Return the structured type of one point.

    Left out are nameless and repeated fields, and those that cannot be read: of a datatype that
    is not 1..8 (some libraries write 64-bit integers and truth values), or outside the point.
    With `long_times` a time may be a 64-bit integer.

    Raises:
        SampleError: No field is left.
    """
    order, point_step = '>' if msg.is_bigendian else '<', int(msg.point_step)
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    for field in msg.fields:
        name, offset, count = str(field.name), int(field.offset), max(1, int(field.count))
        types = POINT_FIELD_TYPES
        if long_times and name in TIME_FIELDS:
            types = types | _LONG_TYPES
        if not name or name in names or _why_unreadable(field, point_step, types):
            continue
        kind = types[int(field.datatype)]
        names.append(name)
        formats.append(order + kind if count == 1 else (order + kind, (count,)))
        offsets.append(offset)
    if not names:
        _explain_unreadable(msg, [str(field.name) for field in msg.fields])
    if not 1 <= point_step <= _LARGEST_POINT_STEP or not names:
        raise SampleError(f'The cloud has {len(names)} named fields and point_step {point_step}.')
    return np.dtype(
        {'names': names, 'formats': formats, 'offsets': offsets, 'itemsize': point_step}
    )


def _why_unreadable(
    field: Any, point_step: int, types: Mapping[int, str] = POINT_FIELD_TYPES
) -> str:
    kind = types.get(int(field.datatype))
    offset, count = int(field.offset), max(1, int(field.count))
    if kind is None:
        return (
            f'Cloud field {field.name!r} has datatype {field.datatype}; '
            'supported: 1..8 of sensor_msgs/PointField.'
        )
    if offset < 0 or offset + count * np.dtype(kind).itemsize > point_step:
        return (
            f'Cloud field {field.name!r} ends behind point_step {point_step} '
            f'(offset {offset}, {count} x {kind}).'
        )
    return ''


def _explain_unreadable(msg: Any, needed: list[str]) -> None:
    """Raise with the reason why one of the fields that the cloud does have cannot be read."""
    for field in msg.fields:
        reason = _why_unreadable(field, int(msg.point_step))
        if field.name in needed and reason:
            raise SampleError(reason)


def cloud_fields(
    cloud: CloudData | NDArray[Any], height: int | None = None, width: int | None = None
) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/PointCloud2, without header; rows are not padded.

    Args:
        cloud: Points with or without their shape.
        height: Rows of a structured array; 1 if left out.
        width: Points per row of a structured array.

    Raises:
        SampleError: A field has a type that PointField lacks, or the size does not fit.
    """
    if isinstance(cloud, CloudData):
        points, height, width = cloud.points, cloud.height, cloud.width
    else:
        points = cloud.reshape(-1)
        height = 1 if height is None else height
        width = len(points) // max(1, height) if width is None else width
    if height * width != len(points):
        raise SampleError(f'{len(points)} points do not fill {width} x {height}.')
    points = np.ascontiguousarray(points).astype(points.dtype.newbyteorder('<'), copy=False)
    xyz = [points[name] for name in 'xyz' if name in (points.dtype.names or ())]
    return {
        'height': height,
        'width': width,
        'fields': _point_fields(points.dtype),
        'is_bigendian': False,
        'point_step': points.dtype.itemsize,
        'row_step': points.dtype.itemsize * width,
        'data': np.frombuffer(points, np.uint8) if len(points) else np.zeros(0, np.uint8),
        'is_dense': all(bool(np.isfinite(values).all()) for values in xyz),
    }


def _point_fields(dtype: np.dtype[Any]) -> list[tuple[str, int, int, int]]:
    fields = []
    for name in dtype.names or ():
        kind, offset = dtype.fields[name][:2]  # type: ignore[index]
        base, count = kind.base, int(np.prod(kind.shape, dtype=int))
        if base not in _FIELD_CODES:
            raise SampleError(
                f'Cloud field {name!r} of type {base} has no datatype in sensor_msgs/PointField.'
            )
        fields.append((name, int(offset), _FIELD_CODES[base], count))
    return sorted(fields, key=lambda item: item[1])
