"""Calibration files of LiDAR-camera tools and data sets: koide3, Kalibr, KITTI, MUSES.

None of them knows the ground. Unless a format says more, the base frame is the LiDAR's, or the
body axes of the first camera, so heights count from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.safe_yaml import read_text
from mmseg_ros.core.types import EVENT, LIDAR, RGB, Modality
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.mounts import Mount, sized, with_unsized
from mmseg_ros.projection.plausible import check_plausible
from mmseg_ros.projection.sensor_words import modality_of
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION, invert, pose, rigid

KITTI_LIDAR_HEIGHT_M = 1.73
MUSES_SIZES = {RGB: (1080, 1920), EVENT: (720, 1280)}
_KALIBR_MODELS = {'radtan': 'plumb_bob', 'equidistant': 'equidistant', 'equi': 'equidistant'}
_KOIDE3_MODELS = {'plumb_bob': 'plumb_bob', 'fisheye': 'equidistant', 'equidistant': 'equidistant'}


def koide3_mounts(data: Mapping[str, Any]) -> dict[Modality, Mount]:
    """Return camera and LiDAR of a direct_visual_lidar_calibration `calib.json`.

    Args:
        data: Content of the file, which does not hold the size of the image.

    Raises:
        CalibrationError: The camera model is not supported.
    """
    given = data['camera']
    model = _KOIDE3_MODELS.get(given['camera_model'])
    if model is None:
        raise CalibrationError(
            f'Camera model {given["camera_model"]!r} is not supported; '
            f'supported: {", ".join(_KOIDE3_MODELS)}.'
        )
    results = data['results']
    values = results.get('T_lidar_camera', results.get('init_T_lidar_camera'))
    if values is None:
        raise CalibrationError('The file has no T_lidar_camera; the calibration is not finished.')
    mount = Mount('camera', rigid(pose(values[:3], values[3:7]), 'T_lidar_camera'))
    D = np.array(given['distortion_coeffs'], np.float64)
    K = _intrinsic_matrix(given['intrinsics'])
    return {
        RGB: with_unsized(mount, K, distortion_model=model, D=D, frame_id='camera'),
        LIDAR: Mount('lidar', np.eye(4)),
    }


def kalibr_mounts(data: Mapping[str, Any]) -> dict[Modality, Mount]:
    """Return the cameras of a Kalibr `camchain.yaml`.

    The first camera is rgb unless its topic says otherwise; others are named after their topic
    (event, depth, thermal) or stay cam1, cam2, ... The base has the body axes of the first camera.

    Args:
        data: Content of the file.

    Raises:
        CalibrationError: A camera or distortion model is not supported.
    """
    mounts: dict[Modality, Mount] = {}
    T_camera_first = np.eye(4)
    T_base_first = np.eye(4)
    T_base_first[:3, :3] = T_OPTICAL_BODY_ROTATION.T
    cameras = (key for key in data if re.fullmatch(r'cam\d+', str(key)))
    for name in sorted(cameras, key=lambda key: int(key[3:])):
        given = data[name]
        model = _KALIBR_MODELS.get(given['distortion_model'])
        if given['camera_model'] != 'pinhole' or model is None:
            raise CalibrationError(
                f'{name}: {given["camera_model"]} with {given["distortion_model"]} is not '
                'supported; supported: pinhole with radtan or equidistant.'
            )
        T_camera_first = _kalibr_step(name, given, data) @ T_camera_first
        width, height = given['resolution']
        camera = CameraModel(
            width=int(width),
            height=int(height),
            K=_intrinsic_matrix(given['intrinsics']),
            distortion_model=model,
            D=np.array(given['distortion_coeffs'], np.float64),
            frame_id=name,
        )
        check_plausible(camera)
        T_base = T_base_first @ invert(T_camera_first)
        mounts[_kalibr_name(name, given, mounts)] = Mount(name, rigid(T_base, name), camera)
    return mounts


def _kalibr_step(
    name: str, given: Mapping[str, Any], chain: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Return the 4 x 4 transform from the camera before into this one; identity of the first."""
    before = chain.get(f'cam{int(name[3:]) - 1}')
    if 'T_cn_cnm1' in given:
        return rigid(given['T_cn_cnm1'], f'T_cn_cnm1 of {name}')
    if before is None:
        return np.eye(4)
    if 'T_cam_imu' in given and 'T_cam_imu' in before:
        T_camera_imu = rigid(given['T_cam_imu'], f'T_cam_imu of {name}')
        return T_camera_imu @ invert(rigid(before['T_cam_imu'], f'T_cam_imu before {name}'))
    raise CalibrationError(f'{name} has no T_cn_cnm1, so its pose is not known.')


def muses_mounts(data: Mapping[str, Any]) -> dict[Modality, Mount]:
    """Return frame camera, event camera and LiDAR of a MUSES `calib.json`; images are undistorted.

    Args:
        data: Content of the file.
    """
    mounts: dict[Modality, Mount] = {LIDAR: Mount('lidar', np.eye(4))}
    T_rgb_lidar = rigid(data['extrinsics']['lidar2rgb'], 'lidar2rgb')
    T_rgb_sensor = {RGB: np.eye(4), EVENT: rigid(data['extrinsics']['event2rgb'], 'event2rgb')}
    for modality, (height, width) in MUSES_SIZES.items():
        K = np.array(data['intrinsics'][modality]['K'], np.float64)
        T_base = invert(T_rgb_lidar) @ T_rgb_sensor[modality]
        camera = CameraModel(width=width, height=height, K=K, frame_id=modality)
        mounts[modality] = Mount(modality, rigid(T_base, modality), camera)
    return mounts


def kitti_text_mounts(text: str) -> dict[Modality, Mount]:
    """Return left color camera and LiDAR of a calib file of KITTI's benchmarks.

    Read are those of the object, tracking and odometry benchmarks. The base is on the ground,
    1.73 m under the LiDAR.

    Args:
        text: Content of the file, which does not hold the size of the image.

    Raises:
        CalibrationError: It is no such file.

    Source: Geiger et al., IJRR 2013: p_image = P2 R0_rect Tr_velo_to_cam p_velo.
    """
    values = _kitti_values(text)
    move = next((values[n] for n in ('Tr_velo_to_cam', 'Tr_velo_cam', 'Tr') if n in values), None)
    if 'P2' not in values or move is None:
        raise CalibrationError(
            'Not a calibration of KITTI: P2 and Tr_velo_to_cam (or Tr) are needed, but it has '
            f'{", ".join(values) or "no such line"}.'
        )
    turn = next((values[n] for n in ('R0_rect', 'R_rect') if n in values), np.eye(3))
    T_rect_lidar = np.eye(4)
    T_rect_lidar[:3, :3] = turn.reshape(3, 3)
    T_rect_lidar = T_rect_lidar @ rigid(move.reshape(3, 4), 'Tr_velo_to_cam')
    return _kitti_mounts(values['P2'].reshape(3, 4), T_rect_lidar)


def kitti_raw_mounts(folder: Path) -> dict[Modality, Mount]:
    """Return left color camera and LiDAR of a calibration folder of KITTI's raw data.

    Args:
        folder: Holds calib_cam_to_cam.txt and calib_velo_to_cam.txt. Images are rectified.
    """
    cameras = _kitti_values(read_text(folder / 'calib_cam_to_cam.txt', CalibrationError))
    lidar = _kitti_values(read_text(folder / 'calib_velo_to_cam.txt', CalibrationError))
    T_camera_lidar = np.eye(4)
    T_camera_lidar[:3, :3], T_camera_lidar[:3, 3] = lidar['R'].reshape(3, 3), lidar['T']
    T_rect_camera = np.eye(4)
    T_rect_camera[:3, :3] = cameras['R_rect_00'].reshape(3, 3)
    width, height = cameras['S_rect_02'].astype(int)
    P = cameras['P_rect_02'].reshape(3, 4)
    mounts = _kitti_mounts(P, T_rect_camera @ T_camera_lidar)
    return {**mounts, RGB: sized(mounts[RGB], int(height), int(width))}


def kitti360_mounts(folder: Path) -> dict[Modality, Mount]:
    """Return left color camera and LiDAR of KITTI-360's folder `calibration`.

    Args:
        folder: Holds perspective.txt and calib_cam_to_velo.txt. Images are rectified.
    """
    cameras = _kitti_values(read_text(folder / 'perspective.txt', CalibrationError))
    numbers = read_text(folder / 'calib_cam_to_velo.txt', CalibrationError).split()
    T_lidar_camera = rigid(np.array(numbers, np.float64).reshape(3, 4), 'calib_cam_to_velo')
    T_rect_camera = np.eye(4)
    T_rect_camera[:3, :3] = cameras['R_rect_00'].reshape(3, 3)
    width, height = cameras['S_rect_00'].astype(int)
    P = cameras['P_rect_00'].reshape(3, 4)
    mounts = _kitti_mounts(P, T_rect_camera @ invert(T_lidar_camera))
    return {**mounts, RGB: sized(mounts[RGB], int(height), int(width))}


def _kitti_mounts(
    P: NDArray[np.float64], T_rect_lidar: NDArray[np.float64]
) -> dict[Modality, Mount]:
    # The fourth column of P is the offset of this camera from camera 0, times K.
    T_camera_rect = np.eye(4)
    T_camera_rect[:3, 3] = np.linalg.solve(P[:, :3], P[:, 3])
    T_base_lidar = pose([0.0, 0.0, KITTI_LIDAR_HEIGHT_M])
    T_camera_lidar = rigid(T_camera_rect @ T_rect_lidar, 'T_camera_lidar')
    mount = Mount('image_2', rigid(T_base_lidar @ invert(T_camera_lidar), 'rgb'))
    return {
        RGB: with_unsized(mount, P[:, :3], frame_id='image_2'),
        LIDAR: Mount('velodyne', rigid(T_base_lidar, 'lidar')),
    }


def _kitti_values(text: str) -> dict[str, NDArray[np.float64]]:
    values = {}
    for line in text.splitlines():
        name, _, numbers = line.partition(':')
        try:
            values[name.strip()] = np.array(numbers.split(), np.float64)
        except ValueError:
            continue  # calib_time and other words
    return values


def _intrinsic_matrix(intrinsics: Any) -> NDArray[np.float64]:
    fx, fy, cx, cy = intrinsics
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def _kalibr_name(name: str, given: Mapping[str, Any], taken: Mapping[Modality, Mount]) -> Modality:
    found = modality_of(str(given.get('rostopic', '')), [*taken, LIDAR, RGB])
    return found or (name if RGB in taken else RGB)
