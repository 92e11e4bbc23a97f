"""sensor_msgs/CameraInfo to a camera model, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_ros.core.errors import CalibrationError, SampleError
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.plausible import ONLY_RECTIFIED, check_plausible


def decode_camera_info(msg: Any, rectified: bool = False) -> CameraModel:
    """Return the camera of the delivered image: region of interest and binning count.

    Works with the field names of ROS 2 (k, d, r, p) and of ROS 1 (K, D, R, P).

    Args:
        msg: A sensor_msgs/CameraInfo.
        rectified: Whether the images beside it are rectified, which the message cannot say.

    Raises:
        SampleError: A field is missing, zero, not finite, implausible or of the wrong size; it is
            named.
    """
    try:
        P = np.array(_field(msg, 'p'), np.float64).reshape(3, 4)
        K = np.array(_field(msg, 'k'), np.float64)
        if not (rectified or K.any()) and P[0, 0] > 1.0:
            raise CalibrationError(
                f'K is zero, as if not calibrated, and P is not, {ONLY_RECTIFIED}.'
            )
        camera = CameraModel(
            width=int(msg.width),
            height=int(msg.height),
            distortion_model=str(msg.distortion_model),
            D=np.array(list(_field(msg, 'd')), np.float64),
            K=P[:, :3] if rectified and P.any() and not K.any() else K,
            R=_field(msg, 'r'),
            P=P,
            frame_id=str(msg.header.frame_id),
            rectified=rectified,
        )
        check_plausible(camera)
        return _delivered(camera, msg)
    except (AttributeError, TypeError, ValueError) as error:
        raise SampleError(f'CameraInfo cannot be read ({error}).') from error
    except CalibrationError as error:
        raise SampleError(f'CameraInfo of frame {msg.header.frame_id!r}: {error}') from error


def camera_info_fields(camera: CameraModel) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/CameraInfo (lower-case names), without header."""
    return {
        'height': camera.height,
        'width': camera.width,
        'distortion_model': camera.distortion_model,
        'd': camera.D.copy(),
        'k': camera.K.reshape(-1).copy(),
        'r': camera.R.reshape(-1).copy(),
        'p': camera.P.reshape(-1).copy(),
        'binning_x': 0,
        'binning_y': 0,
    }


def _field(msg: Any, name: str) -> Any:
    return getattr(msg, name) if hasattr(msg, name) else getattr(msg, name.upper())


def _delivered(camera: CameraModel, msg: Any) -> CameraModel:
    roi = getattr(msg, 'roi', None)
    if roi is not None and (roi.width or roi.height):
        width, height = int(roi.width), int(roi.height)
        x, y = int(roi.x_offset), int(roi.y_offset)
        if not (0 < width <= camera.width - x and 0 < height <= camera.height - y):
            raise CalibrationError(
                f'Region of interest {width} x {height} at ({x}, {y}) leaves the '
                f'{camera.width} x {camera.height} image.'
            )
        camera = camera.cropped(x, y, height, width)
    binning_x = max(1, int(getattr(msg, 'binning_x', 0)))
    binning_y = max(1, int(getattr(msg, 'binning_y', 0)))
    if binning_x == binning_y == 1:
        return camera
    if binning_x > camera.width or binning_y > camera.height:
        raise CalibrationError(
            f'Binning {binning_x} x {binning_y} leaves no pixel of a '
            f'{camera.width} x {camera.height} image.'
        )
    # Binning drops what does not fill a super-pixel; the remainder is cut off before scaling.
    width, height = camera.width // binning_x, camera.height // binning_y
    return camera.cropped(0, 0, height * binning_y, width * binning_x).resized(height, width)
