"""What a storage file of a recording tells: its channels, and the messages on them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

CDR = 'cdr'
MSG, IDL = 'ros2msg', 'ros2idl'


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic of one storage file.

    Attributes:
        topic: Name of the topic.
        type_name: `package/msg/Name` for ROS 2; whatever the file says for others.
        message_encoding: `cdr` for ROS 2.
        definition_encoding: `ros2msg`, `ros2idl`, '' where there is none, or what others use.
        definition: Text of the definition, '' where there is none.
        count: Number of messages.
        offered_qos: YAML of the publishers' QoS as it was recorded, '' where it was not.
    """

    topic: str
    type_name: str
    message_encoding: str
    definition_encoding: str
    definition: str
    count: int
    offered_qos: str = ''


class Storage(Protocol):
    """One open storage file.

    Attributes:
        channels: What it holds.
        start_ns: Bag stamp of the first message, end_ns of the last one; None without messages.
    """

    channels: tuple[Channel, ...]
    start_ns: int | None
    end_ns: int | None

    def has_checksums(self) -> bool:
        """Return whether changed bytes inside a message are noticed; may read all of the file."""
        ...

    def check(self) -> None:
        """Look for damage of the whole structure, which reads all of the file.

        Raises:
            Exception: There is some; says where.
        """
        ...

    def messages(
        self, topics: Collection[str] | None, start_ns: int | None, stop_ns: int | None
    ) -> Iterator[tuple[Channel, int, bytes]]:
        """Yield (channel, bag stamp, content) in the order of the stamps; None takes all."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def full_type_name(name: str) -> str:
    """Return `package/msg/Name` where a file says `package/Name`, as some writers do."""
    short = re.fullmatch(r'(\w+)/(\w+)', name)
    return f'{short[1]}/msg/{short[2]}' if short else name
