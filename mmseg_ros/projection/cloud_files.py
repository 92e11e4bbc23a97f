"""Clouds in files: .bin, .npy, .pcd and .ply."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmseg_ros.core.errors import ConfigError, SampleError
from mmseg_ros.core.types import CloudData
from mmseg_ros.projection.cloud_columns import as_points, read_columns
from mmseg_ros.projection.pcd_ply import read_pcd, read_ply

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
            raise ConfigError(f'{path}: unknown cloud format; known: {", ".join(CLOUD_SUFFIXES)}.')
    except (OSError, ValueError, RuntimeError) as error:
        raise SampleError(f'{path}: cannot read the cloud ({error}).') from error
    if not {'x', 'y', 'z'} <= set(points.dtype.names or ()):
        raise SampleError(f'{path}: the cloud has no fields x, y, z.')
    return CloudData(points.reshape(-1), 1, points.size)
