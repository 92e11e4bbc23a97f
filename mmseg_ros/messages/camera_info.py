"""sensor_msgs/CameraInfo to a camera model, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_ros.core.errors import CalibrationError, SampleError
from mmseg_ros.projection.camera import DISTORTION_LENGTHS, CameraModel

_ALIASES = {'': 'plumb_bob', 'none': 'plumb_bob', 'fisheye': 'equidistant'}


def decode_camera_info(msg: Any) -> CameraModel:
    """Return the camera of the delivered image: region of interest and binning count.

    Works with the field names of ROS 2 (k, d, r, p) and of ROS 1 (K, D, R, P).

    Raises:
        SampleError: A field is missing, zero, not finite or of the wrong size; it is named.
    """
    try:
        model, D = _distortion(str(msg.distortion_model), np.array(_field(msg, 'd'), np.float64))
        camera = CameraModel(
            width=int(msg.width),
            height=int(msg.height),
            distortion_model=model,
            D=D,
            K=_field(msg, 'k'),
            R=_field(msg, 'r'),
            P=_field(msg, 'p'),
            frame_id=str(msg.header.frame_id),
        )
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


def _distortion(model: str, D: Any) -> tuple[str, Any]:
    """Return the model's canonical name and coefficients without a tail of zeros."""
    model = _ALIASES.get(model, model)
    lengths = DISTORTION_LENGTHS.get(model, ())
    longest = max(lengths, default=0)
    if len(D) > longest and not D[longest:].any():
        D = D[:longest]
    if not D.any() and len(D) not in lengths:
        D = np.zeros(lengths[0] if lengths else 0)
    return model, D


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
