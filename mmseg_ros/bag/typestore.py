"""The ROS 2 message types that a bag can hold, without ROS."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mmseg_ros.core.errors import BagError

EXTRA_DEFINITIONS: dict[str, str] = {
    'event_camera_msgs/msg/EventPacket': (
        'std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\n'
        'string encoding\nbool is_bigendian\nuint8[] events\n'
    ),
    'dvs_msgs/msg/Event': ('uint16 x\nuint16 y\nbuiltin_interfaces/Time ts\nbool polarity\n'),
    'dvs_msgs/msg/EventArray': (
        'std_msgs/Header header\nuint32 height\nuint32 width\ndvs_msgs/Event[] events\n'
    ),
    'vision_msgs/msg/VisionClass': 'uint16 class_id\nstring class_name\n',
    'vision_msgs/msg/LabelInfo': (
        'std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n'
    ),
}
"""Types beyond ROS 2's common interfaces that the node reads or publishes."""


def new_typestore() -> Typestore:
    """Return a store of ROS 2 Jazzy's message types plus event and label messages."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in EXTRA_DEFINITIONS.items():
        store.register(get_types_from_msg(text, name))
    return store


@lru_cache(maxsize=1)
def typestore() -> Typestore:
    """Return the shared store of known types, for writing."""
    return new_typestore()


def message_class(type_name: str) -> Any:
    """Return the message class of `package/msg/Name`.

    Raises:
        BagError: The type is not known.
    """
    try:
        return typestore().types[type_name]
    except KeyError:
        raise BagError(
            f'Message type {type_name!r} is not known here; only the common ROS 2 Jazzy types and '
            f'{", ".join(EXTRA_DEFINITIONS)} can be written.'
        ) from None
