"""Points of a scan as images of the camera: LiDAR planes, and labels where points are seen."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError, DatasetError, MmsegError
from mmseg_ros.core.types import LIDAR, RGB, CloudData
from mmseg_ros.encoding import EncodingContext, encode
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.cloud_columns import as_points
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.lidar import lidar_plane, project_cloud
from mmseg_ros.projection.occlusion import hide_occluded

_PNG = b'\x89PNG\r\n\x1a\n'
COLUMNS = 4


def read_scan(path: Path) -> CloudData:
    """Return a scan of KITTI's kind: float32 x, y, z, remission (0..1).

    Raises:
        DatasetError: The file cannot be read or is cut off.
    """
    try:
        values = np.fromfile(path, '<f4')
    except OSError as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    if len(values) % COLUMNS or not len(values):
        raise DatasetError(
            f'{path}: {len(values)} float32 values are no scan of {COLUMNS} columns; copy the '
            'file again.'
        )
    points = as_points(values.reshape(-1, COLUMNS))
    return CloudData(points, 1, len(points), intensity_max=1.0)


def png_size(path: Path) -> tuple[int, int]:
    """Return height and width of a PNG file, from its first bytes.

    Raises:
        DatasetError: It is no PNG file.
    """
    try:
        with path.open('rb') as stream:
            head = stream.read(24)
    except OSError as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    if head[:8] != _PNG or len(head) < 24:
        raise DatasetError(f'{path} is no PNG image; copy the file again.')
    width, height = struct.unpack('>II', head[16:24])
    return height, width


def camera_of(rig: Rig, size: tuple[int, int], where: Path) -> CameraModel:
    """Return the reference camera for images of a size.

    Raises:
        DatasetError: The calibration does not fit such images.
    """
    try:
        return rig.with_image_size(RGB, *size).camera(RGB).resized(*size)
    except CalibrationError as error:
        raise DatasetError(f'{where}: {error}') from error


def lidar_image(
    cloud: CloudData,
    rig: Rig,
    camera: CameraModel,
    encoding: str,
    where: Path,
    xyz: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Return the H x W x 3 uint8 image of a scan; black if none of its points is in the image.

    Args:
        cloud: The points, in the LiDAR frame.
        rig: Poses of camera and LiDAR.
        camera: The image.
        encoding: Name of an encoding of LiDAR planes.
        where: File of the scan, for messages.
        xyz: N x 3, where the points are if not where the cloud says.

    Raises:
        DatasetError: The scan cannot be projected or encoded.
    """
    try:
        plane = lidar_plane(cloud, rig.T(RGB, LIDAR), rig.T_base(LIDAR), camera, xyz)
        return np.asarray(encode(encoding, plane, EncodingContext()), np.uint8)
    except MmsegError as error:
        raise DatasetError(f'{where}: {error}') from error


def label_image(
    cloud: CloudData, labels: NDArray[np.uint8], rig: Rig, camera: CameraModel, ignore_id: int
) -> NDArray[np.uint8]:
    """Return H x W uint8: the label of the nearest point that the camera sees at each pixel.

    Args:
        cloud: N points.
        labels: N class ids.
        rig: Poses of camera and LiDAR.
        camera: The image.
        ignore_id: For pixels without a point; points of that label do not count either.
    """
    projection = hide_occluded(project_cloud(cloud.xyz(), rig.T(RGB, LIDAR), camera))
    image = np.full((camera.height, camera.width), ignore_id, np.uint8)
    shown = projection.shown
    farthest_first = np.argsort(-projection.depth_m[shown], kind='stable')
    u, v = projection.u[shown][farthest_first], projection.v[shown][farthest_first]
    image[v, u] = labels[projection.index[shown][farthest_first]]
    return image
