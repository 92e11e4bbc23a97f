"""PCD and PLY files, text and binary, with scalar fields."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError

_PLY_TYPES = {
    'char': 'i1', 'uchar': 'u1', 'short': 'i2', 'ushort': 'u2', 'int': 'i4', 'uint': 'u4',
    'float': 'f4', 'double': 'f8', 'int8': 'i1', 'uint8': 'u1', 'int16': 'i2', 'uint16': 'u2',
    'int32': 'i4', 'uint32': 'u4', 'float32': 'f4', 'float64': 'f8',
}  # fmt: skip


def read_pcd(path: Path) -> NDArray[Any]:
    """Return the structured points of a PCD file; fields with a count above 1 are left out.

    Raises:
        SampleError: It is no such file, is cut off, or compressed.
    """
    head, body = _split(path, rb'^DATA\s+(\w+)\s*?\r?\n')
    lines = dict(line.split(None, 1) for line in head.splitlines() if len(line.split(None, 1)) > 1)
    try:
        names = [*lines['FIELDS'].split()]
        sizes, kinds = lines['SIZE'].split(), lines['TYPE'].split()
        counts = lines.get('COUNT', ' '.join('1' for _ in names)).split()
        count = int(lines.get('POINTS', int(lines['WIDTH']) * int(lines['HEIGHT'])))
        fields = [
            (f'{name}.{i}', f'<{kind.lower()}{size}', (int(n),))
            for i, (name, kind, size, n) in enumerate(
                zip(names, kinds, sizes, counts, strict=True)
            )
        ]
    except (KeyError, ValueError) as error:
        raise SampleError(
            f'{path}: the head of the PCD file cannot be read ({error!r}).'
        ) from error
    points = _table(path, lines['DATA'].strip(), body, np.dtype(fields), count)
    single = [(key, name) for (key, _, n), name in zip(fields, names, strict=True) if n == (1,)]
    return _renamed(points, {key: name for key, name in single if name != '_'})


def read_ply(path: Path) -> NDArray[Any]:
    """Return the structured vertices of a PLY file.

    Raises:
        SampleError: It is no such file, is cut off, or its vertices hold lists.
    """
    head, body = _split(path, rb'^end_header\s*?\r?\n')
    kind = re.search(r'^format\s+(\w+)', head, re.MULTILINE)
    vertex = re.search(
        r'^element\s+vertex\s+(\d+)\s*\n((?:(?:property|comment).*\n)*)', head, re.M
    )
    before = head.index(vertex[0]) if vertex else 0
    if kind is None or vertex is None or 'element' in head[:before]:
        raise SampleError(f'{path}: the PLY file does not begin with its vertices.')
    order = '>' if kind[1] == 'binary_big_endian' else '<'
    rows = [line.split() for line in vertex[2].splitlines() if line.startswith('property')]
    try:
        fields = [(f'{row[2]}.0', order + _PLY_TYPES[row[1]], (1,)) for row in rows]
    except (KeyError, IndexError) as error:
        raise SampleError(f'{path}: the vertices hold {error}, which is not read.') from error
    form = 'ascii' if kind[1] == 'ascii' else 'binary'
    points = _table(path, form, body, np.dtype(fields), int(vertex[1]))
    return _renamed(points, {key: key[:-2] for key, _, _ in fields})


def _split(path: Path, end: bytes) -> tuple[str, bytes]:
    content = path.read_bytes()
    found = re.search(end, content[:65536], re.MULTILINE)
    if found is None:
        raise SampleError(f'{path}: the head of the file does not end; it is damaged or no cloud.')
    return content[: found.end()].decode('ascii', 'replace'), content[found.end() :]


def _table(path: Path, form: str, body: bytes, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    if form == 'ascii':
        rows = [line.split() for line in body.decode('ascii', 'replace').splitlines()[:count]]
        if len(rows) < count or any(len(row) < _width(dtype) for row in rows):
            raise SampleError(f'{path}: fewer points than the {count} that its head tells.')
        try:
            flat = np.array([row[: _width(dtype)] for row in rows], np.float64)
        except ValueError as error:
            raise SampleError(f'{path}: a point cannot be read ({error}).') from error
        flat = flat.reshape(count, _width(dtype))
        points = np.zeros(count, dtype)
        at = 0
        for name in dtype.names or ():
            width = dtype[name].shape[0]
            points[name] = flat[:, at : at + width]
            at += width
        return points
    if form != 'binary':
        raise SampleError(f'{path}: {form} points are not read; write the file as plain binary.')
    if not 0 <= count * dtype.itemsize <= len(body):
        raise SampleError(f'{path}: fewer points than the {count} that its head tells.')
    return np.frombuffer(body, dtype, count)


def _width(dtype: np.dtype[Any]) -> int:
    return sum(dtype[name].shape[0] for name in dtype.names or ())


def _renamed(points: NDArray[Any], names: dict[str, str]) -> NDArray[Any]:
    result = np.zeros(
        len(points),
        [(name, points.dtype[key].base.newbyteorder('<')) for key, name in names.items()],
    )
    for key, name in names.items():
        result[name] = points[key][:, 0]
    return result
