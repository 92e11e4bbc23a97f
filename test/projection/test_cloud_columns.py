"""Clouds as columns, PCD and PLY."""

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.projection.cloud_files import read_cloud


def table(columns, count=240):
    rng = np.random.default_rng(1)
    rows = rng.uniform(-40, 40, (count, columns)).astype('<f4')
    rows[:, 3] = rng.uniform(0, 255, count)
    if columns > 4:
        rows[:, 4] = rng.integers(0, 64, count)
    return rows


@pytest.mark.parametrize('columns', [4, 5, 6])
def test_columns_are_told_from_the_values(tmp_path, columns):
    rows = table(columns)
    rows.tofile(tmp_path / 'a.bin')
    points = read_cloud(tmp_path / 'a.bin').points
    assert points.dtype.names == ('x', 'y', 'z', 'intensity', 'ring', 'extra')[:columns]
    np.testing.assert_array_equal(points['z'], rows[:, 2])


def test_columns_are_asked_for_where_they_cannot_be_told(tmp_path):
    np.zeros(60, '<f4').tofile(tmp_path / 'a.bin')
    with pytest.raises(SampleError, match=r'4 or 5 or 6.*--columns'):
        read_cloud(tmp_path / 'a.bin')
    assert len(read_cloud(tmp_path / 'a.bin', 5).points) == 12
    np.zeros(7, '<f4').tofile(tmp_path / 'b.bin')
    with pytest.raises(SampleError, match='no known number'):
        read_cloud(tmp_path / 'b.bin')
    with pytest.raises(SampleError, match='4 columns'):
        read_cloud(tmp_path / 'b.bin', 4)
    np.zeros(60, '<f4').tofile(tmp_path / 'c.pcd.bin')
    assert len(read_cloud(tmp_path / 'c.pcd.bin').points) == 12


def test_plain_arrays(tmp_path):
    np.save(tmp_path / 'a.npy', table(4))
    np.testing.assert_array_equal(read_cloud(tmp_path / 'a.npy').xyz(), table(4)[:, :3])
    np.save(tmp_path / 'b.npy', np.zeros((4, 2)))
    with pytest.raises(SampleError, match='4 x 2'):
        read_cloud(tmp_path / 'b.npy')


PCD = """# .PCD v0.7
VERSION 0.7
FIELDS x y z normal intensity
SIZE 4 4 4 4 1
TYPE F F F F U
COUNT 1 1 1 3 1
WIDTH 2
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 2
"""
ROWS = [(1.0, 2.0, 3.0, [0, 0, 1], 200), (4.0, 5.0, 6.0, [0, 1, 0], 7)]


@pytest.mark.parametrize('form', ['ascii', 'binary'])
def test_pcd(tmp_path, form):
    head = f'{PCD}DATA {form}\n'.encode()
    dtype = [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('n', '<f4', 3), ('i', 'u1')]
    body = np.array([tuple(row) for row in ROWS], dtype).tobytes()
    text = '\n'.join(' '.join(map(str, [*r[:3], *r[3], r[4]])) for r in ROWS).encode()
    path = tmp_path / 'a.pcd'
    path.write_bytes(head + (text if form == 'ascii' else body))
    points = read_cloud(path).points
    assert points.dtype.names == ('x', 'y', 'z', 'intensity')
    assert (points['x'].tolist(), points['intensity'].tolist()) == ([1, 4], [200, 7])
    path.write_bytes(head + (text if form == 'ascii' else body)[:20])
    with pytest.raises(SampleError, match='fewer points'):
        read_cloud(path)


@pytest.mark.parametrize(
    ('form', 'order'), [('ascii', ''), ('binary_little_endian', '<'), ('binary_big_endian', '>')]
)
def test_ply(tmp_path, form, order):
    head = (
        f'ply\nformat {form} 1.0\ncomment x\nelement vertex 2\nproperty float x\n'
        'property double y\nproperty float z\nproperty uchar red\nelement face 0\n'
        'property list uchar int vertex_indices\nend_header\n'
    )
    rows = [(1.0, 2.0, 3.0, 9), (4.0, 5.0, 6.0, 8)]
    dtype = [('x', f'{order}f4'), ('y', f'{order}f8'), ('z', f'{order}f4'), ('red', 'u1')]
    text = '\n'.join(' '.join(map(str, row)) for row in rows).encode()
    path = tmp_path / 'a.ply'
    path.write_bytes(head.encode() + (np.array(rows, dtype).tobytes() if order else text))
    points = read_cloud(path).points
    assert (points['y'].tolist(), points['red'].tolist()) == ([2, 5], [9, 8])


@pytest.mark.parametrize('name', ['a.pcd', 'a.ply'])
def test_damaged_heads_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b'ply\nDATA\nelement')
    with pytest.raises(SampleError, match='head'):
        read_cloud(tmp_path / name)
    (tmp_path / name).write_bytes(b'FIELDS x\nDATA ascii\nend_header\n')
    with pytest.raises(SampleError):
        read_cloud(tmp_path / name)
