"""The message types of one recording, from the definitions that it holds itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mmseg_ros.bag.channels import CDR, IDL, MSG, Channel
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.core.errors import SampleError

_SECTION = re.compile(r'^=+\s*\nIDL: \S+\s*\n', re.MULTILINE)


class Definitions:
    """Decodes messages by the definition in the recording, else by the known one of that name.

    A definition is read when its first message is decoded: one that nobody can read costs its
    own topic alone.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels: dict[tuple[str, str], Channel] = {}
        for channel in channels:
            key = channel.topic, channel.type_name
            if key not in self._channels or not self._channels[key].definition:
                self._channels[key] = channel
        self._stores: dict[tuple[str, str], Typestore] = {}

    def deserialize(self, topic: str, type_name: str, data: bytes) -> Any:
        """Return the message object; arrays are read-only views of the data.

        Raises:
            SampleError: The type is unknown, or its messages are not those of ROS 2.
            Exception: The data does not fit the type.
        """
        return self._store(topic, type_name).deserialize_cdr(data, type_name)

    def text(self, topic: str, type_name: str) -> str:
        """Return a type and all that it needs as one text of .msg files.

        Raises:
            SampleError: The type is unknown.
        """
        text, _ = self._store(topic, type_name).generate_msgdef(type_name, ros_version=2)
        return text

    def _store(self, topic: str, type_name: str) -> Typestore:
        key = topic, type_name
        if key not in self._stores:
            channel = self._channels.get(key) or Channel(topic, type_name, CDR, '', '', 0)
            self._stores[key] = _store_for(channel)
        return self._stores[key]


def _store_for(channel: Channel) -> Typestore:
    name = channel.type_name
    if channel.message_encoding != CDR:
        raise SampleError(
            f'{channel.topic}: messages are encoded as {channel.message_encoding!r}, not as '
            f'{CDR!r} like those of ROS 2.'
        )
    reason = 'the bag holds no definition of it; record again as MCAP, which embeds definitions'
    if channel.definition.strip() and channel.definition_encoding in (MSG, IDL):
        try:
            return _own_store(name, channel.definition_encoding, channel.definition)
        except Exception as error:  # the parser raises its own types and others
            first = (str(error).splitlines() or [''])[0]
            reason = f'its definition in the bag cannot be read ({type(error).__name__}: {first})'
    if name in typestore().types:
        return typestore()
    raise SampleError(f'{channel.topic}: type {name} is not known and {reason}.')


@lru_cache(maxsize=256)
def _own_store(name: str, encoding: str, text: str) -> Typestore:
    """Return a store with one type and all that it needs, by its own definition.

    Raises:
        Exception: The text is no definition, or something that it needs is not defined.
    """
    types = {}
    if encoding == MSG:
        types.update(get_types_from_msg(text, name))
    else:
        for part in filter(str.strip, _SECTION.split(text)):
            types.update(get_types_from_idl(part))
    known = typestore()
    # Some writers leave out what every machine has.
    missing = _needed(types) - types.keys()
    for other in sorted(missing & known.types.keys()):
        definition, _ = known.generate_msgdef(other, ros_version=2)
        for key, fields in get_types_from_msg(definition, other).items():
            types.setdefault(key, fields)
    store = get_typestore(Stores.EMPTY)
    store.register(types)
    if name not in store.types:
        raise KeyError(f'it defines {", ".join(types)}')
    store.generate_msgdef(name, ros_version=2)  # raises where a member's type is not defined
    return store


def _needed(types: Any) -> set[str]:
    found: set[str] = set()

    def visit(item: Any) -> None:
        if isinstance(item, str) and re.fullmatch(r'\w+/msg/\w+', item):
            found.add(item)
        elif isinstance(item, (tuple, list)):
            for part in item:
                visit(part)

    for _, fields in types.values():
        visit(fields)
    return found
