"""Core values as message objects that a bag can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag.typestore import message_class
from mmseg_ros.core.errors import BagError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, SensorSample
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.transforms import quaternion_from_rotation

IMAGE = 'sensor_msgs/msg/Image'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
POINT_CLOUD = 'sensor_msgs/msg/PointCloud2'
ODOMETRY = 'nav_msgs/msg/Odometry'
TF_MESSAGE = 'tf2_msgs/msg/TFMessage'
LABEL_INFO = 'vision_msgs/msg/LabelInfo'


def header(stamp_ns: int, frame_id: str) -> Any:
    """Return a std_msgs/Header with a stamp in nanoseconds."""
    seconds, nanoseconds = divmod(int(stamp_ns), 1_000_000_000)
    stamp = message_class('builtin_interfaces/msg/Time')(seconds, nanoseconds)
    return message_class('std_msgs/msg/Header')(stamp, frame_id)


def image_message(stamp_ns: int, frame_id: str, pixels: NDArray[Any], encoding: str) -> Any:
    """Return a sensor_msgs/Image.

    Args:
        stamp_ns: Header stamp.
        frame_id: Header frame.
        pixels: H x W or H x W x C.
        encoding: Encoding as in sensor_msgs/image_encodings.hpp.
    """
    fields = messages.image_fields(pixels, encoding)
    return message_class(IMAGE)(header(stamp_ns, frame_id), **fields)


def camera_info_message(stamp_ns: int, camera: CameraModel) -> Any:
    """Return a sensor_msgs/CameraInfo in the camera's optical frame."""
    fields = dict(messages.camera_info_fields(camera))
    fields['roi'] = message_class('sensor_msgs/msg/RegionOfInterest')(0, 0, 0, 0, False)
    fields.setdefault('binning_x', 0)
    fields.setdefault('binning_y', 0)
    for name in 'dkrp':
        fields[name] = np.asarray(fields[name], np.float64).ravel()
    return message_class(CAMERA_INFO)(header(stamp_ns, camera.frame_id), **fields)


def label_info_message(stamp_ns: int, label_space: LabelSpace) -> Any:
    """Return a vision_msgs/LabelInfo: id and name of every class."""
    vision_class = message_class('vision_msgs/msg/VisionClass')
    classes = [vision_class(int(c.id), c.name) for c in label_space.classes]
    return message_class(LABEL_INFO)(header(stamp_ns, ''), classes, 0.0)


def cloud_message(stamp_ns: int, frame_id: str, cloud: CloudData | NDArray[Any]) -> Any:
    """Return a sensor_msgs/PointCloud2 of a cloud or of a structured array of N points."""
    return _cloud(stamp_ns, frame_id, messages.cloud_fields(cloud))


def events_message(stamp_ns: int, frame_id: str, events: EventData) -> Any:
    """Return events as a sensor_msgs/PointCloud2 with x, y, t (us since the stamp) and p."""
    return _cloud(stamp_ns, frame_id, messages.event_cloud_fields(events, stamp_ns))


def _cloud(stamp_ns: int, frame_id: str, fields: Mapping[str, Any]) -> Any:
    point_field = message_class('sensor_msgs/msg/PointField')
    columns = [point_field(*column) for column in fields['fields']]
    values = {**fields, 'fields': columns}
    return message_class(POINT_CLOUD)(header(stamp_ns, frame_id), **values)


def sample_message(sample: SensorSample) -> tuple[str, Any]:
    """Return (type name, message) of a sensor sample.

    Raises:
        BagError: The payload is of no kind that a message exists for.
    """
    stamp_ns, frame_id, payload = sample.stamp_ns, sample.frame_id, sample.payload
    if isinstance(payload, ImageData):
        encoding = _encoding_of(payload.pixels)
        return IMAGE, image_message(stamp_ns, frame_id, payload.pixels, encoding)
    if isinstance(payload, DepthData):
        return IMAGE, image_message(stamp_ns, frame_id, payload.depth_m, '32FC1')
    if isinstance(payload, EventData):
        return POINT_CLOUD, events_message(stamp_ns, frame_id, payload)
    return POINT_CLOUD, cloud_message(stamp_ns, frame_id, payload)


def _encoding_of(pixels: NDArray[Any]) -> str:
    encodings = {('u1', 3): 'rgb8', ('u1', 2): 'mono8', ('u2', 2): '16UC1', ('f4', 2): '32FC1'}
    try:
        return encodings[pixels.dtype.str[1:], pixels.ndim]
    except KeyError:
        raise BagError(
            f'No image encoding for {pixels.dtype} pixels of shape {pixels.shape}; '
            'expected H x W x 3 uint8, or H x W of uint8, uint16 or float32.'
        ) from None


def odometry_message(
    stamp_ns: int,
    T_odom_base: NDArray[np.float64],
    frame_id: str = 'odom',
    child_frame_id: str = 'base_link',
) -> Any:
    """Return a nav_msgs/Odometry with the pose 4 x 4 of the vehicle and no twist."""
    pose = message_class('geometry_msgs/msg/Pose')(
        message_class('geometry_msgs/msg/Point')(*_translation(T_odom_base)),
        _quaternion(T_odom_base),
    )
    zero = message_class('geometry_msgs/msg/Vector3')(0.0, 0.0, 0.0)
    twist = message_class('geometry_msgs/msg/Twist')(zero, zero)
    return message_class(ODOMETRY)(
        header(stamp_ns, frame_id),
        child_frame_id,
        message_class('geometry_msgs/msg/PoseWithCovariance')(pose, np.zeros(36)),
        message_class('geometry_msgs/msg/TwistWithCovariance')(twist, np.zeros(36)),
    )


def tf_message(
    stamp_ns: int, parent_frame_id: str, T_parent_child: Mapping[str, NDArray[np.float64]]
) -> Any:
    """Return a tf2_msgs/TFMessage of several children of one frame.

    Args:
        stamp_ns: Header stamp of all transforms.
        parent_frame_id: Frame that the matrices map into.
        T_parent_child: 4 x 4 matrix per child frame.
    """
    transforms = [
        message_class('geometry_msgs/msg/TransformStamped')(
            header(stamp_ns, parent_frame_id),
            child,
            message_class('geometry_msgs/msg/Transform')(
                message_class('geometry_msgs/msg/Vector3')(*_translation(matrix)),
                _quaternion(matrix),
            ),
        )
        for child, matrix in T_parent_child.items()
    ]
    return message_class(TF_MESSAGE)(transforms)


def _translation(matrix: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in matrix[:3, 3]]


def _quaternion(matrix: NDArray[np.float64]) -> Any:
    xyzw = [float(value) for value in quaternion_from_rotation(matrix[:3, :3])]
    return message_class('geometry_msgs/msg/Quaternion')(*xyzw)
