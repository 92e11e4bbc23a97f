"""Records of a .db3 file for a rescue, in the form that MCAP has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcap.records import Channel, Message, Schema

from mmseg_ros.bag.channels import MSG
from mmseg_ros.bag.channels import Channel as BagChannel
from mmseg_ros.bag.storage_sqlite import SqliteStorage
from mmseg_ros.bag.typestore import typestore


class SqliteRecords:
    """Reads a database up to its damage.

    Attributes:
        damaged: 1 if something was lost.
    """

    def __init__(self, path: Path) -> None:
        """Take note of the file; it is opened when it is read."""
        self.damaged = 0
        self._path = path

    def __iter__(self) -> Iterator[Any]:
        """Yield schemas, channels and messages as records of mcap."""
        try:
            storage = SqliteStorage(self._path)
        except sqlite3.DatabaseError:
            self.damaged = 1
            return
        try:
            numbers: dict[BagChannel, int] = {}
            for channel, stamp_ns, data in storage.messages(None, None, None):
                if channel not in numbers:
                    numbers[channel] = len(numbers) + 1
                    yield from _described(channel, numbers[channel])
                yield Message(
                    channel_id=numbers[channel],
                    log_time=stamp_ns,
                    publish_time=stamp_ns,
                    data=data,
                    sequence=0,
                )
        except sqlite3.DatabaseError:
            self.damaged = 1
        finally:
            storage.close()


def _described(channel: BagChannel, number: int) -> Iterator[Schema | Channel]:
    encoding, text = channel.definition_encoding, channel.definition
    known = typestore()
    if not text and channel.type_name in known.types:
        # Databases before ROS 2 Iron hold no definitions.
        encoding, text = MSG, known.generate_msgdef(channel.type_name, ros_version=2)[0]
    yield Schema(id=number, name=channel.type_name, encoding=encoding, data=text.encode())
    metadata = {'offered_qos_profiles': channel.offered_qos} if channel.offered_qos else {}
    yield Channel(
        id=number,
        topic=channel.topic,
        message_encoding=channel.message_encoding,
        metadata=metadata,
        schema_id=number,
    )
