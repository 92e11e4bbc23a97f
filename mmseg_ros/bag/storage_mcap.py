"""MCAP files as storage of a recording, with or without an index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from mcap.reader import NonSeekingReader, SeekingReader
from mcap.records import Channel as McapChannel
from mcap.records import Message, Schema
from mcap.summary import Summary

from mmseg_ros.bag.channels import Channel, full_type_name
from mmseg_ros.bag.mcap_damage import IndexedTimes, damage_text, has_checksums
from mmseg_ros.core.errors import BagError

MAGIC = b'\x89MCAP0\r\n'
# 'omgidl' is what some writers call the same text.
_ENCODINGS = {'omgidl': 'ros2idl'}


class McapStorage:
    """One open MCAP file. Channels of any encoding are told; nothing is decoded here.

    Attributes: as of `Storage`.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and read its index, or scan it if it has none.

        Raises:
            EOFError: The end of the file is missing.
            Exception: The file is damaged in some other way.
        """
        self._path = path
        self._checked: bool | None = None
        self._file = path.open('rb')
        try:
            _require_both_ends(path)
            self._reader = SeekingReader(self._file, validate_crcs=True)
            summary = self._reader.get_summary()
            self._is_indexed = summary is not None and _is_complete(summary)
            if summary is not None and self._is_indexed:
                self._take(summary)
            else:
                self._scan()
        except BaseException:
            self._file.close()
            raise

    def messages(
        self, topics: Collection[str] | None, start_ns: int | None, stop_ns: int | None
    ) -> Iterator[tuple[Channel, int, bytes]]:
        """Yield as `Storage.messages` does.

        Raises:
            BagError: The file has no index and its messages are not in order, or a chunk is
                damaged; says where and how many.
        """
        if self._is_indexed:
            found = self._reader.iter_messages(
                topics, starting_at=start_ns, ending_before=stop_ns, log_time_order=True
            )
            named = self._named_times(topics, start_ns, stop_ns)
            yielded = 0
            try:
                for _, channel, message in found:
                    if named is not None:
                        named.check(channel.id, message.log_time)
                    yielded += 1
                    yield self._by_id[channel.id], message.log_time, message.data
                if named is not None:
                    named.check_end()
            except Exception as error:  # damage shows in any way
                raise self._damaged(str(error) or type(error).__name__) from error
            if start_ns is None and stop_ns is None:
                self._check_count(topics, yielded)
            return
        if not self._is_ordered:
            raise BagError(
                f'{self._path} has no index and its messages are not in the order of their time; '
                f'`python -m mmseg_ros repair {self._path} OUTPUT` writes one that has.'
            )
        # A file of its own: readers without an index cannot share a position.
        with self._path.open('rb') as stream:
            linear = NonSeekingReader(stream, validate_crcs=False).iter_messages(
                topics, starting_at=start_ns, ending_before=stop_ns, log_time_order=False
            )
            yield from self._tagged(linear)

    def has_checksums(self) -> bool:
        """Return whether all messages lie in chunks that have one."""
        if self._checked is None:
            self._checked = has_checksums(self._path)
        return self._checked

    def check(self) -> None:
        """Read every chunk and hold it against its checksum and its index.

        Raises:
            BagError: A chunk is damaged; says where and how many.
        """
        if self._is_indexed and damage_text(self._path):
            raise self._damaged('')

    def _named_times(
        self, topics: Collection[str] | None, start_ns: int | None, stop_ns: int | None
    ) -> IndexedTimes | None:
        """Return what to hold messages without a checksum against; None where they have one."""
        if self.has_checksums():
            return None
        numbers = [n for n, c in self._by_id.items() if topics is None or c.topic in topics]
        return IndexedTimes(self._path, self._chunks, numbers, start_ns, stop_ns)

    def _check_count(self, topics: Collection[str] | None, yielded: int) -> None:
        """Raise if messages are missing: a chunk without checksum may lose them without error."""
        expected = sum(c.count for c in self.channels if topics is None or c.topic in topics)
        if yielded < expected and damage_text(self._path):
            raise self._damaged('')

    def _damaged(self, reason: str) -> BagError:
        try:
            place = damage_text(self._path)
        except Exception:  # the index is damaged too
            place = ''
        return BagError(
            f'{self._path} is damaged: {place or reason}. Rescue every whole message with '
            f'`python -m mmseg_ros repair {self._path} OUTPUT`.'
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _tagged(
        self, found: Iterator[tuple[Schema | None, McapChannel, Message]]
    ) -> Iterator[tuple[Channel, int, bytes]]:
        for _, channel, message in found:
            yield self._by_id[channel.id], message.log_time, message.data

    def _take(self, summary: Summary) -> None:
        assert summary.statistics is not None  # noqa: S101
        counts = summary.statistics.channel_message_counts
        self._chunks = summary.chunk_indexes
        self._name(summary.channels, summary.schemas, counts)
        empty = summary.statistics.message_count == 0
        self.start_ns = None if empty else summary.statistics.message_start_time
        self.end_ns = None if empty else summary.statistics.message_end_time

    def _scan(self) -> None:
        channels: dict[int, McapChannel] = {}
        schemas: dict[int, Schema] = {}
        counts: Counter[int] = Counter()
        first_ns = last_ns = previous_ns = None
        self._is_ordered = True
        with self._path.open('rb') as stream:
            linear = NonSeekingReader(stream, validate_crcs=True)
            for schema, channel, message in linear.iter_messages(log_time_order=False):
                channels[channel.id] = channel
                if schema is not None:
                    schemas[schema.id] = schema
                counts[channel.id] += 1
                now_ns = message.log_time
                self._is_ordered &= previous_ns is None or now_ns >= previous_ns
                first_ns = now_ns if first_ns is None else min(first_ns, now_ns)
                last_ns = now_ns if last_ns is None else max(last_ns, now_ns)
                previous_ns = now_ns
        self._name(channels, schemas, counts)
        self.start_ns, self.end_ns = first_ns, last_ns

    def _name(
        self,
        channels: dict[int, McapChannel],
        schemas: dict[int, Schema],
        counts: dict[int, int] | Counter[int],
    ) -> None:
        self._by_id: dict[int, Channel] = {}
        for number, channel in channels.items():
            schema = schemas.get(channel.schema_id)
            encoding = schema.encoding if schema else ''
            self._by_id[number] = Channel(
                channel.topic,
                full_type_name(schema.name) if schema else 'no type',
                channel.message_encoding,
                _ENCODINGS.get(encoding, encoding),
                # Definitions of others (protobuf) are bytes and no text: a copy gets them back.
                schema.data.decode('utf-8', 'surrogateescape') if schema else '',
                counts.get(number, 0),
                channel.metadata.get('offered_qos_profiles', ''),
            )
        self.channels = tuple(self._by_id.values())


def _require_both_ends(path: Path) -> None:
    size = path.stat().st_size
    with path.open('rb') as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise ValueError('it does not begin as an MCAP file')
        stream.seek(max(0, size - len(MAGIC)))
        if size < 2 * len(MAGIC) or stream.read() != MAGIC:
            raise EOFError('its end is missing')


def _is_complete(summary: Summary) -> bool:
    """Return whether the index names everything that reading by it needs."""
    if summary.statistics is None:
        return False
    if summary.statistics.message_count and not summary.chunk_indexes:
        return False
    used = set(summary.statistics.channel_message_counts)
    for chunk in summary.chunk_indexes:
        used |= set(chunk.message_index_offsets)
    if not used <= set(summary.channels):
        return False
    schemas = {channel.schema_id for channel in summary.channels.values()} - {0}
    return schemas <= set(summary.schemas)
