"""Files that hold the intrinsics of one camera: ost.yaml, ost.txt, CameraInfo as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.projection.mounts import Mount, sized, with_unsized
from mmseg_ros.projection.sensor_words import modality_of


def ost_mounts(data: Mapping[str, Any]) -> dict[Modality, Mount]:
    """Return the camera of an `ost.yaml`, which has no pose.

    Args:
        data: Content of the file; camera_name tells a thermal, depth or event camera.
    """
    name = str(data.get('camera_name', ''))
    matrices = {
        'D': data.get('distortion_coefficients'),
        'R': data.get('rectification_matrix'),
        'P': data.get('projection_matrix'),
    }
    camera = {key: _values(value) for key, value in matrices.items() if value is not None}
    model = str(data.get('distortion_model', 'plumb_bob'))
    K = _values(data['camera_matrix'])
    mount = with_unsized(Mount(name), K, distortion_model=model, frame_id=name, **camera)
    if data.get('image_width') and data.get('image_height'):
        mount = sized(mount, int(data['image_height']), int(data['image_width']))
    return {modality_of(name) or RGB: mount}


def camera_info_mounts(data: Mapping[str, Any]) -> dict[Modality, Mount]:
    """Return the camera of a CameraInfo message written as YAML, which has no pose.

    Args:
        data: Content of the file, with the field names of ROS 2 or ROS 1.
    """
    header = data.get('header') or {}
    name = str(header.get('frame_id', ''))
    fields = {key: data.get(key, data.get(key.lower())) for key in 'DRP'}
    camera = {key: np.array(v, np.float64) for key, v in fields.items() if v is not None}
    K = data['k'] if 'k' in data else data['K']
    model = str(data.get('distortion_model', ''))
    mount = with_unsized(Mount(name), K, distortion_model=model, frame_id=name, **_shaped(camera))
    if data['width'] and data['height']:
        mount = sized(mount, int(data['height']), int(data['width']))
    return {modality_of(name) or RGB: mount}


def ost_text_mounts(text: str) -> dict[Modality, Mount]:
    """Return the camera of an `ost.txt`, which has no pose.

    Args:
        text: Content of the file.

    Raises:
        CalibrationError: A part is missing.
    """
    rows: dict[str, list[float]] = {}
    title, name = '', ''
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith('[') and line.endswith(']'):
            name = line[1:-1] if line != '[image]' else name
            continue
        try:
            rows.setdefault(title, []).extend(float(word) for word in line.split())
        except ValueError:
            title = line
    lengths = {'width': 1, 'height': 1, 'camera matrix': 9, 'rectification': 9, 'projection': 12}
    faults = [key for key, length in lengths.items() if len(rows.get(key, ())) != length]
    if faults or 'distortion' not in rows:
        raise CalibrationError(f'ost.txt lacks {", ".join(faults) or "distortion"}.')
    camera = {
        'D': np.array(rows['distortion']),
        'R': np.array(rows['rectification']).reshape(3, 3),
        'P': np.array(rows['projection']).reshape(3, 4),
    }
    mount = with_unsized(Mount(name), rows['camera matrix'], frame_id=name, **camera)
    size = int(rows['height'][0]), int(rows['width'][0])
    return {modality_of(name) or RGB: sized(mount, *size)}


def _values(matrix: Any) -> Any:
    """Return the numbers of a matrix given as rows, cols, data, or plainly."""
    if not isinstance(matrix, Mapping):
        return np.array(matrix, np.float64)
    data = np.array(matrix['data'], np.float64)
    rows, columns = int(matrix.get('rows', 1)), int(matrix.get('cols', data.size))
    return data if rows == 1 or not data.size else data.reshape(rows, columns)


def _shaped(camera: Mapping[str, Any]) -> dict[str, Any]:
    shapes = {'D': (-1,), 'R': (3, 3), 'P': (3, 4)}
    return {key: value.reshape(shapes[key]) for key, value in camera.items()}
