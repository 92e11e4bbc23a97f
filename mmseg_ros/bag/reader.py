"""Reads a ROS 2 bag (folder, .mcap or .db3) without ROS."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mmseg_ros.bag.typestore import typestore
from mmseg_ros.core.errors import BagError, SampleError

_DAMAGE = (ReaderError, sqlite3.DatabaseError, struct.error, EOFError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class TopicSummary:
    """One topic of a bag: message type and number of messages."""

    type_name: str
    count: int


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One serialised message: topic, type, bag stamp (time of receipt) and CDR bytes."""

    topic: str
    type_name: str
    stamp_ns: int
    data: bytes


class BagReader:
    """An open recording.

    Attributes:
        path: Folder or file as given.
        topics: What the bag holds, by topic name.
        start_ns: Bag stamp of the first message. end_ns: Bag stamp of the last one.
    """

    def __init__(self, path: Path | str) -> None:
        """Open a bag.

        Args:
            path: A bag folder (with or without metadata.yaml), or one .mcap or .db3 file.

        Raises:
            BagError: There is no bag, or it is damaged; the message says how to rescue it.
        """
        self.path = Path(path)
        storage = _storage_path(self.path)
        try:
            self._reader = Reader(storage)
            self._reader.open()
        except _DAMAGE as error:
            raise damage_error(storage, error) from error
        self._connections = list(self._reader.connections)
        self._typestore = _typestore_for(self._connections)
        self.topics = {
            name: TopicSummary(info.msgtype or 'several types', info.msgcount)
            for name, info in self._reader.topics.items()
        }
        empty = self._reader.message_count == 0
        self.start_ns = 0 if empty else self._reader.start_time
        self.end_ns = 0 if empty else self._reader.end_time - 1

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        if self._reader.is_open:
            self._reader.close()

    @property
    def duration_s(self) -> float:
        """Return seconds between the first and the last message."""
        return (self.end_ns - self.start_ns) / 1e9

    def raw(
        self,
        topics: Collection[str] | None = None,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[RawMessage]:
        """Yield serialised messages in the order of their bag stamps.

        Args:
            topics: Only these; None yields all. Names that the bag lacks are skipped.
            start_ns: First bag stamp.
            stop_ns: First bag stamp that is left out.

        Raises:
            BagError: The file is damaged; messages before the damage have been yielded.
        """
        wanted = [c for c in self._connections if topics is None or c.topic in topics]
        if not wanted:
            return
        messages = self._reader.messages(wanted, start=start_ns, stop=stop_ns)
        while True:
            try:
                connection, stamp_ns, data = next(messages)
            except StopIteration:
                return
            except _DAMAGE as error:
                raise damage_error(self.path, error) from error
            yield RawMessage(connection.topic, connection.msgtype, stamp_ns, data)

    def messages(
        self,
        topics: Collection[str] | None = None,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[tuple[str, int, Any]]:
        """Yield (topic, bag stamp in ns, message); arguments and errors as of `raw`.

        Raises:
            SampleError: A message does not fit its type.
        """
        for item in self.raw(topics, start_ns, stop_ns):
            yield item.topic, item.stamp_ns, self.deserialize(item)

    def deserialize(self, item: RawMessage) -> Any:
        """Return the message object of serialised bytes; arrays are read-only views.

        Raises:
            SampleError: The bytes do not fit the type, or the type has no known definition.
        """
        if item.type_name not in self._typestore.types:
            raise SampleError(
                f'{item.topic}: type {item.type_name} is not known and the bag holds no '
                'definition of it; record again as MCAP, which embeds definitions.'
            )
        try:
            return self._typestore.deserialize_cdr(item.data, item.type_name)
        except Exception as error:
            raise SampleError(
                f'{item.topic} at {item.stamp_ns} ns: {len(item.data)} bytes are no valid '
                f'{item.type_name} ({type(error).__name__}: {error}).'
            ) from error


def damage_error(path: Path, error: Exception) -> BagError:
    """Return the error for a storage file that cannot be read, with the way to rescue it."""
    size = path.stat().st_size if path.is_file() else None
    if size == 0:
        return BagError(f'{path} is empty: nothing was recorded into it.')
    text = str(error)
    if 'magic' in text or 'end of file' in text.lower() or isinstance(error, struct.error):
        return BagError(
            f'{path} was not closed or is cut off ({text}): the recorder was killed, the disk was '
            'full or a copy is incomplete. Rescue every whole message with '
            f'`python -m mmseg_ros repair {path} OUTPUT`.'
        )
    if isinstance(error, sqlite3.DatabaseError):
        return BagError(
            f'{path} is a damaged SQLite bag ({text}); try `sqlite3 {path} .recover`, and record '
            'as MCAP, which stays readable up to a cut.'
        )
    return BagError(f'{path} cannot be read as a ROS 2 bag ({text}).')


def _storage_path(path: Path) -> Path:
    if not path.exists():
        raise BagError(f'{path} does not exist; give a bag folder, or an .mcap or .db3 file.')
    if path.is_file():
        if path.suffix not in ('.mcap', '.db3'):
            raise BagError(f'{path} is not a bag; expected a folder, or an .mcap or .db3 file.')
        return path
    if (path / 'metadata.yaml').is_file():
        return path
    files = sorted([*path.glob('*.mcap'), *path.glob('*.db3')])
    if len(files) == 1:
        return files[0]
    found = ', '.join(file.name for file in files) or 'no .mcap or .db3 file'
    raise BagError(
        f'{path} has no metadata.yaml and holds {found}; give one storage file, or run '
        '`ros2 bag reindex` on the folder.'
    )


def _typestore_for(connections: Collection[Connection]) -> Typestore:
    known = typestore()
    if all(_same_definition(known, connection) for connection in connections):
        return known
    own = get_typestore(Stores.EMPTY)
    for connection in connections:
        definition = connection.msgdef
        if definition.format == MessageDefinitionFormat.MSG:
            own.register(get_types_from_msg(definition.data, connection.msgtype))
        elif definition.format == MessageDefinitionFormat.IDL:
            own.register(get_types_from_idl(definition.data))
        elif connection.msgtype in known.types:
            text, _ = known.generate_msgdef(connection.msgtype, ros_version=2)
            own.register(get_types_from_msg(text, connection.msgtype))
    return own


def _same_definition(known: Typestore, connection: Connection) -> bool:
    if connection.msgtype not in known.types:
        return False
    return connection.digest in ('', known.hash_rihs01(connection.msgtype))
