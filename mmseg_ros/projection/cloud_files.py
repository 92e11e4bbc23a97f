"""Clouds in files: .bin, .npy, .pcd and .ply; Open3D writes the last two and shows clouds."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.atomic_files import atomic_file
from mmseg_ros.core.errors import ConfigError, SampleError
from mmseg_ros.core.types import CloudData
from mmseg_ros.projection.cloud_columns import as_points, read_columns
from mmseg_ros.projection.pcd_ply import read_pcd, read_ply

OPEN3D_SUFFIXES = ('.pcd', '.ply')
CLOUD_SUFFIXES = ('.bin', '.npy', '.pcd', '.ply')


def read_cloud(path: str | Path, columns: int | None = None) -> CloudData:
    """Read a cloud: .bin (float32 columns), .npy (structured or N x 3..6), .pcd or .ply.

    Args:
        path: The file.
        columns: Columns of a .bin file; None tells it from the values.

    Raises:
        SampleError: The file cannot be read, holds no cloud, or its columns cannot be told.
        ConfigError: The format is unknown.
    """
    path = Path(path)
    try:
        if path.suffix == '.bin':
            points = read_columns(path, columns)
        elif path.suffix == '.npy':
            points = np.load(path, allow_pickle=False)
            points = points if points.dtype.names else as_points(points)
        elif path.suffix == '.pcd':
            points = read_pcd(path)
        elif path.suffix == '.ply':
            points = read_ply(path)
        else:
            raise ConfigError(
                f'{path}: unknown cloud format; known: .bin, .npy, {", ".join(OPEN3D_SUFFIXES)}.'
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise SampleError(f'{path}: cannot read the cloud ({error}).') from error
    if not {'x', 'y', 'z'} <= set(points.dtype.names or ()):
        raise SampleError(f'{path}: the cloud has no fields x, y, z.')
    return CloudData(points.reshape(-1), 1, points.size)


def write_cloud(path: str | Path, points: NDArray[Any]) -> None:
    """Write a structured array of points as .npy, or as .pcd or .ply through Open3D.

    Args:
        path: The file; its ending names the format.
        points: Structured array with x, y, z; other numeric fields are kept as attributes.

    Raises:
        ConfigError: The format needs Open3D, which is not installed, or is unknown.
    """
    path = Path(path)
    if path.suffix == '.npy':
        with atomic_file(path) as draft, draft.open('wb') as stream:
            np.save(stream, points, allow_pickle=False)
        return
    if path.suffix not in OPEN3D_SUFFIXES:
        raise ConfigError(
            f'{path}: unknown cloud format; known: .npy, {", ".join(OPEN3D_SUFFIXES)}.'
        )
    o3d = _open3d(path)
    cloud = o3d.t.geometry.PointCloud()
    cloud.point.positions = _columns(points, ('x', 'y', 'z'))
    for name in points.dtype.names or ():
        if name not in ('x', 'y', 'z'):
            cloud.point[name] = points[name].astype(np.float32).reshape(-1, 1)
    o3d.t.io.write_point_cloud(str(path), cloud)


def _columns(points: NDArray[Any], names: tuple[str, ...]) -> NDArray[np.float32]:
    return np.stack([points[name].astype(np.float32) for name in names], axis=1)


def _open3d(path: Path) -> ModuleType:
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise ConfigError(
            f'{path} needs Open3D ({error}); install it with `pip install open3d` or open3d-cpu.'
        ) from error
    module: ModuleType = open3d
    return module
