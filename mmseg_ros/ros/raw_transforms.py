"""tf2_msgs/TFMessage on machines without tf2_msgs, such as those that have ROS from PyPI.

A subscription to serialized messages needs of its type no more than the name, the hash and the
description. They are put together here from those of geometry_msgs/TransformStamped, of which a
TFMessage is a list; the bytes are read by the tool that reads bags.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
from ctypes import (
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.utilities import get_rmw_implementation_identifier

from mmseg_ros.core.errors import MmsegError

TYPE_NAME = 'tf2_msgs/msg/TFMessage'
_ITEM_NAME = 'geometry_msgs/msg/TransformStamped'
_NESTED_SEQUENCE = 145  # type_description_interfaces/FieldType
_MESSAGE_MEMBER = 18  # rosidl_typesupport_introspection_c, field_types.h
_MIDDLEWARE = 'rmw_fastrtps_cpp'
_SERIALIZATION = b'rosidl_typesupport_fastrtps_c'
_INTROSPECTION = b'rosidl_typesupport_introspection_c'
_JAZZY_RCLPY = '7.1.'  # the structures below are those of ROS 2 Jazzy


class _String(Structure):
    _fields_ = (('data', c_char_p), ('size', c_size_t), ('capacity', c_size_t))


class _FieldType(Structure):
    _fields_ = (
        ('type_id', c_uint8),
        ('capacity', c_uint64),
        ('string_capacity', c_uint64),
        ('nested_type_name', _String),
    )


class _Field(Structure):
    _fields_ = (('name', _String), ('type', _FieldType), ('default_value', _String))


class _Fields(Structure):
    _fields_ = (('data', POINTER(_Field)), ('size', c_size_t), ('capacity', c_size_t))


class _Type(Structure):
    _fields_ = (('type_name', _String), ('fields', _Fields))


class _Types(Structure):
    _fields_ = (('data', POINTER(_Type)), ('size', c_size_t), ('capacity', c_size_t))


class _Description(Structure):
    _fields_ = (('type', _Type), ('referenced', _Types))


class _Hash(Structure):
    _fields_ = (('version', c_uint8), ('value', c_uint8 * 32))


class _Sources(Structure):
    _fields_ = (('data', c_void_p), ('size', c_size_t), ('capacity', c_size_t))


_Getter = ctypes.CFUNCTYPE(c_void_p, c_void_p)
_Find = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_char_p)


class _Handle(Structure):
    """rosidl_message_type_support_t."""

    _fields_ = (
        ('identifier', c_void_p),
        ('data', c_void_p),
        ('find', _Find),
        ('get_hash', _Getter),
        ('get_description', _Getter),
        ('get_sources', _Getter),
    )


class _Callbacks(Structure):
    """message_type_support_callbacks_t of rosidl_typesupport_fastrtps_cpp."""

    _fields_ = (
        ('namespace', c_char_p),
        ('name', c_char_p),
        ('serialize', c_void_p),
        ('deserialize', c_void_p),
        ('serialized_size', c_void_p),
        ('max_serialized_size', c_void_p),
        ('keys', c_void_p),
    )


class _Member(Structure):
    """rosidl_typesupport_introspection_c__MessageMember."""

    _fields_ = (
        ('name', c_char_p),
        ('type_id', c_uint8),
        ('string_upper_bound', c_size_t),
        ('members', c_void_p),
        ('is_key', c_bool),
        ('is_array', c_bool),
        ('array_size', c_size_t),
        ('is_upper_bound', c_bool),
        ('offset', c_uint32),
        ('default_value', c_void_p),
        ('functions', c_void_p * 6),
    )


class _Members(Structure):
    """rosidl_typesupport_introspection_c__MessageMembers."""

    _fields_ = (
        ('namespace', c_char_p),
        ('name', c_char_p),
        ('count', c_uint32),
        ('size', c_size_t),
        ('has_key', c_bool),
        ('members', POINTER(_Member)),
        ('functions', c_void_p * 2),
    )


@cache
def raw_transform_class() -> Any:
    """Return a message class that serves for subscriptions and publishers of serialized messages.

    Raises:
        MmsegError: ROS is not what this was made for: Jazzy from PyPI with Fast DDS.
    """
    middleware = get_rmw_implementation_identifier()
    if middleware != _MIDDLEWARE or not _rclpy_version().startswith(_JAZZY_RCLPY):
        raise MmsegError(
            'tf2_msgs is not installed, and transforms can be read without it only with the '
            f'wheels of ROS 2 Jazzy and {_MIDDLEWARE} (here: rclpy {_rclpy_version()}, '
            f'{middleware}); install tf2_msgs or set calibration.file.'
        )
    item: Any = TransformStamped.__class__
    if item._TYPE_SUPPORT is None:
        item.__import_type_support__()
    capsule = _capsule(ctypes.addressof(_handle(item._TYPE_SUPPORT)))
    names = ('_CREATE_ROS_MESSAGE', '_CONVERT_FROM_PY', '_CONVERT_TO_PY', '_DESTROY_ROS_MESSAGE')
    functions = {name: getattr(item, name) for name in names}
    metaclass = type('RawTFMessageType', (type,), {**functions, '_TYPE_SUPPORT': capsule})
    return metaclass('RawTFMessage', (), {})


def read_transforms(serialized: bytes) -> Any:
    """Return a serialized TFMessage as an object with the message's attributes."""
    return _typestore().deserialize_cdr(serialized, TYPE_NAME)


@cache
def _typestore() -> Any:
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_JAZZY)


@cache
def _handle(item_capsule: Any) -> _Handle:
    """Return the type support of TFMessage; it lives as long as the process, as C expects."""
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = c_void_p, [ctypes.py_object, c_char_p]
    item = get_pointer(item_capsule, None)
    serialization = _item_handle(item, _SERIALIZATION)
    getters = _getters(serialization)
    callbacks = _callbacks(serialization)
    members = _members(ctypes.addressof(_item_handle(item, _INTROSPECTION)))
    found: dict[bytes, _Handle] = {}
    find = _Find(lambda _, wanted: ctypes.addressof(found[wanted]) if wanted in found else None)
    for name, data in ((_SERIALIZATION, callbacks), (_INTROSPECTION, members)):
        identifier = _item_handle(item, name).identifier
        found[name] = _Handle(identifier, ctypes.addressof(data), find, *getters)
    handle = found[_SERIALIZATION]
    handle.kept = (callbacks, members, found)  # type: ignore[attr-defined]
    return handle


def _item_handle(item: int, kind: bytes) -> _Handle:
    """Return the type support of one kind of TransformStamped."""
    find = ctypes.CDLL('librosidl_runtime_c.so').get_message_typesupport_handle
    find.restype, find.argtypes = POINTER(_Handle), [c_void_p, c_char_p]
    handle: _Handle = find(item, kind).contents
    return handle


def _getters(item: _Handle) -> list[Any]:
    """Return the functions that give hash, description and sources."""
    parts: tuple[Structure, ...] = (
        _type_hash(),
        _description(_Description.from_address(item.get_description(None))),
        _Sources(),
    )
    return [_Getter(lambda _, part=part: ctypes.addressof(part)) for part in parts]


def _callbacks(item: _Handle) -> _Callbacks:
    """Return serialization functions; those of the list's items, which are never called."""
    callbacks = _Callbacks()
    ctypes.memmove(ctypes.byref(callbacks), item.data, _Callbacks.keys.offset)
    callbacks.namespace, callbacks.name = b'tf2_msgs::msg', b'TFMessage'
    return callbacks


def _members(item_address: int) -> _Members:
    """Return the fields: one list without an upper bound."""
    member = _Member(b'transforms', _MESSAGE_MEMBER, 0, item_address, is_array=True)
    size = ctypes.sizeof(_Sources)
    members = _Members(b'tf2_msgs__msg', b'TFMessage', 1, size, False, ctypes.pointer(member))
    members.kept = member  # type: ignore[attr-defined]
    return members


def _description(item: _Description) -> _Description:
    """Return the description of a message with one field, the list of `item`."""
    count = item.referenced.size + 1
    referenced = (_Type * count)(item.type, *item.referenced.data[: count - 1])
    ordered = sorted(referenced, key=lambda one: bytes(one.type_name.data))
    types = (_Type * count)(*ordered)
    name = _string(_ITEM_NAME)
    fields = (_Field * 1)(
        _Field(_string('transforms'), _FieldType(_NESTED_SEQUENCE, 0, 0, name), _string(''))
    )
    own = _Type(_string(TYPE_NAME), _Fields(fields, 1, 1))
    description = _Description(own, _Types(types, count, count))
    description.kept = (types, fields)  # type: ignore[attr-defined]
    return description


def _type_hash() -> _Hash:
    digits = _typestore().hash_rihs01(TYPE_NAME).removeprefix('RIHS01_')
    return _Hash(1, (c_uint8 * 32)(*bytes.fromhex(digits)))


def _rclpy_version() -> str:
    try:
        return importlib.metadata.version('ros-rclpy')
    except importlib.metadata.PackageNotFoundError:
        return 'of another source'


def _string(text: str) -> _String:
    data = text.encode()
    return _String(data, len(data), len(data) + 1)


def _capsule(address: int) -> Any:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [c_void_p, c_char_p, c_void_p]
    return new(address, None, None)
