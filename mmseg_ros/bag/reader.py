"""Reads a ROS 2 bag (folder, .mcap or .db3) without ROS."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import zstandard

from mmseg_ros.bag.channels import Channel, Storage
from mmseg_ros.bag.definitions import Definitions
from mmseg_ros.bag.files import damage_error, open_storage, recorded_counts, storage_files
from mmseg_ros.core.errors import BagError, MmsegError, SampleError

SEVERAL_TYPES = 'several types'
# Serialized ROS 2 messages begin with a zero byte, so this says surely that one is compressed.
_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_LARGEST_MESSAGE = 1 << 30


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
        channels: The same per storage file, with the definitions of the types.
        start_ns: Bag stamp of the first message. end_ns: Bag stamp of the last one.
    """

    def __init__(self, path: Path | str) -> None:
        """Open a bag.

        Args:
            path: A bag folder (with or without metadata.yaml, one file or several splits), or one
                .mcap or .db3 file, also compressed as .zstd.

        Raises:
            BagError: There is no bag, or it is damaged; the message says how to rescue it.
        """
        self.path = Path(path)
        self._stack = ExitStack()
        try:
            self._open()
        except BaseException as error:
            self._stack.close()
            if isinstance(error, Exception) and not isinstance(error, MmsegError):
                raise damage_error(self.path, error) from error  # damage shows in any way
            raise

    def _open(self) -> None:
        self._storages = [open_storage(file, self._stack) for file in storage_files(self.path)]
        self._storages.sort(key=lambda storage: storage.start_ns or 0)
        self.channels = tuple(c for storage in self._storages for c in storage.channels)
        self.topics = _summaries(self.channels)
        self._definitions = Definitions(self.channels)
        self.start_ns = min(_known(s.start_ns for s in self._storages), default=0)
        self.end_ns = max(_known(s.end_ns for s in self._storages), default=0)

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
        """Close the files and remove what was unpacked."""
        self._stack.close()

    @property
    def duration_s(self) -> float:
        """Return seconds between the first and the last message."""
        return (self.end_ns - self.start_ns) / 1e9

    def doubts(self) -> tuple[str, ...]:
        """Return in sentences which damage could not be noticed, or may have happened already."""
        bare = sum(not storage.has_checksums() for storage in self._storages)
        found = []
        if bare:
            found.append(
                f'{bare} of {len(self._storages)} files of {self.path.name} have no checksums: '
                'bytes that changed inside a message are not noticed.'
            )
        for topic, count in recorded_counts(self.path).items():
            there = self.topics[topic].count if topic in self.topics else 0
            if there < count:
                found.append(
                    f'metadata.yaml of {self.path.name} counts {count} messages on {topic}, '
                    f'{there} are there.'
                )
        return tuple(found)

    def check(self) -> None:
        """Look for damage of the structure in all of the files, whatever is read of them.

        Raises:
            BagError: There is some; says where.
        """
        for storage in self._storages:
            try:
                storage.check()
            except BagError:
                raise
            except Exception as error:  # damage shows in any way
                raise damage_error(self.path, error) from error

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
        found = [s.messages(topics, start_ns, stop_ns) for s in self._with(topics)]
        messages = (
            heapq.merge(*found, key=lambda item: item[1])
            if _overlap(self._storages)
            else chain.from_iterable(found)
        )
        while True:
            try:
                channel, stamp_ns, data = next(messages)
                if data[:4] == _ZSTD_MAGIC:
                    data = _decompressed(data)
            except StopIteration:
                return
            except BagError:
                raise
            except Exception as error:  # damage shows in any way
                raise damage_error(self.path, error) from error
            yield RawMessage(channel.topic, channel.type_name, stamp_ns, data)

    def _with(self, topics: Collection[str] | None) -> list[Storage]:
        """Return the files that hold one of the topics; the others need not be looked through."""
        return [
            storage
            for storage in self._storages
            if any(c.count and (topics is None or c.topic in topics) for c in storage.channels)
        ]

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

    def definition(self, topic: str) -> str:
        """Return the type of a topic and all that it needs as one text of .msg files.

        Raises:
            SampleError: The type is unknown.
        """
        return self._definitions.text(topic, self.topics[topic].type_name)

    def deserialize(self, item: RawMessage) -> Any:
        """Return the message object of serialised bytes; arrays are read-only views.

        Raises:
            SampleError: The bytes do not fit the type, or the type has no known definition.
        """
        try:
            return self._definitions.deserialize(item.topic, item.type_name, item.data)
        except SampleError:
            raise
        except Exception as error:
            raise SampleError(
                f'{item.topic} at {item.stamp_ns} ns: {len(item.data)} bytes are no valid '
                f'{item.type_name} ({type(error).__name__}: {error}).'
            ) from error


def _summaries(channels: Sequence[Channel]) -> dict[str, TopicSummary]:
    summaries: dict[str, TopicSummary] = {}
    for channel in channels:
        before = summaries.get(channel.topic, TopicSummary(channel.type_name, 0))
        same = before.type_name == channel.type_name
        summaries[channel.topic] = TopicSummary(
            channel.type_name if same else SEVERAL_TYPES, before.count + channel.count
        )
    return summaries


def _known(stamps: Iterator[int | None]) -> list[int]:
    return [stamp for stamp in stamps if stamp is not None]


def _overlap(storages: Sequence[Storage]) -> bool:
    """Return whether files that are sorted by their start reach into each other."""
    spans = [s for s in storages if s.start_ns is not None and s.end_ns is not None]
    return any((a.end_ns or 0) > (b.start_ns or 0) for a, b in pairwise(spans))


def _decompressed(data: bytes) -> bytes:
    """Return the content of a compressed message; one that is damaged stays as it is."""
    try:
        if zstandard.frame_content_size(data) > _LARGEST_MESSAGE:
            return data
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=_LARGEST_MESSAGE)
    except (zstandard.ZstdError, MemoryError):
        # Decoding it then fails by itself, and costs this message alone.
        return data
