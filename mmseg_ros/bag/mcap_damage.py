"""Where an indexed MCAP file is damaged, and how much of it."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import SeekingReader, breakup_chunk
from mcap.records import Chunk, ChunkIndex, Message
from numpy.typing import NDArray

_HEAD = struct.Struct('<BQ')
_INDEX_HEAD = struct.Struct('<HI')
_INDEX_ENTRY = np.dtype([('log_time', '<u8'), ('offset', '<u8')])
_MAGIC_BYTES, _CRC_AT, _CRC_BYTES = 8, 24, 4


def damage_text(path: Path) -> str:
    """Return which chunks cannot be read, where they lie and what is lost; '' if all can.

    Args:
        path: A file whose index can be read.
    """
    with path.open('rb') as stream:
        summary = SeekingReader(stream).get_summary()
        if summary is None or not summary.chunk_indexes:
            return ''
        chunks = sorted(summary.chunk_indexes, key=lambda chunk: chunk.chunk_start_offset)
        bad = [chunk for chunk in chunks if not _is_whole(stream, chunk)]
        if not bad:
            return ''
        lost = sum(_message_count(stream, chunk) for chunk in bad)
    start_ns = min(chunk.message_start_time for chunk in chunks)
    first = bad[0]
    seconds = [(t - start_ns) / 1e9 for t in (first.message_start_time, first.message_end_time)]
    return (
        f'{len(bad)} of {len(chunks)} chunks damaged, about {lost} messages lost; the first lies '
        f'at byte {first.chunk_start_offset}, {seconds[0]:.2f} to {seconds[1]:.2f} s into the file'
    )


def _is_whole(stream: IO[bytes], index: ChunkIndex) -> bool:
    try:
        stream.seek(index.chunk_start_offset + _HEAD.size)
        chunk = Chunk.read(ReadDataStream(stream))
        records = breakup_chunk(chunk, validate_crc=True)
    except Exception:  # damage shows in any way
        return False
    found = Counter((r.channel_id, r.log_time) for r in records if isinstance(r, Message))
    named = Counter(
        (channel, int(time_ns))
        for channel in index.message_index_offsets
        for time_ns in _log_times(stream, index, channel)
    )
    return named <= found


def _message_count(stream: IO[bytes], index: ChunkIndex) -> int:
    """Return how many messages the index behind a chunk names, which lies outside of it."""
    return sum(len(_log_times(stream, index, c)) for c in index.message_index_offsets)


def _log_times(stream: IO[bytes], index: ChunkIndex, channel: int) -> NDArray[np.uint64]:
    """Return the times of a channel's messages as the index behind a chunk names them."""
    stream.seek(index.message_index_offsets[channel] + _HEAD.size)
    head = stream.read(_INDEX_HEAD.size)
    if len(head) < _INDEX_HEAD.size:
        return np.zeros(0, np.uint64)
    size = _INDEX_HEAD.unpack(head)[1] // _INDEX_ENTRY.itemsize * _INDEX_ENTRY.itemsize
    entries = stream.read(size)
    whole = len(entries) // _INDEX_ENTRY.itemsize
    return np.frombuffer(entries, _INDEX_ENTRY, whole)['log_time'].astype(np.uint64)


def has_checksums(path: Path) -> bool:
    """Return whether all messages lie in chunks that have a checksum of their content."""
    with path.open('rb', buffering=0) as stream:
        stream.seek(_MAGIC_BYTES)
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            opcode, length = _HEAD.unpack(head)
            end = stream.tell() + length
            if opcode == Opcode.MESSAGE:
                return False
            if opcode == Opcode.CHUNK:
                stream.seek(_CRC_AT, os.SEEK_CUR)
                if not any(stream.read(_CRC_BYTES)):
                    return False
            if opcode == Opcode.DATA_END:
                break
            stream.seek(end)
    return True


class IndexedTimes:
    """What the indexes behind the chunks say of the messages, to hold against what is read.

    Without a checksum a changed byte may move a message to another time or channel.

    Args:
        path: The file. chunks: Its chunks. channels: Numbers of the channels that are read.
        start_ns: First time that is read. stop_ns: First one that is not. None is open.
    """

    def __init__(
        self,
        path: Path,
        chunks: Sequence[ChunkIndex],
        channels: Collection[int],
        start_ns: int | None,
        stop_ns: int | None,
    ) -> None:
        self._times: dict[int, Iterator[int]] = {}
        with path.open('rb') as stream:
            for channel in channels:
                parts = [
                    _log_times(stream, chunk, channel)
                    for chunk in chunks
                    if channel in chunk.message_index_offsets
                ]
                times = np.sort(np.concatenate([np.zeros(0, np.uint64), *parts]))
                if start_ns is not None:
                    times = times[times >= np.uint64(max(start_ns, 0))]
                if stop_ns is not None:
                    times = times[times < np.uint64(max(stop_ns, 0))]
                self._times[channel] = iter(times.tolist())
        self._is_complete = all(chunk.message_index_offsets for chunk in chunks)

    def check(self, channel: int, log_time: int) -> None:
        """Take note of a message that was read.

        Raises:
            ValueError: It is not the next one of its channel.
        """
        if self._is_complete and next(self._times[channel], None) != log_time:
            raise ValueError(f'a message at {log_time} ns is not the one that the index names')

    def check_end(self) -> None:
        """Raise ValueError if messages are missing."""
        if self._is_complete and any(
            next(times, None) is not None for times in self._times.values()
        ):
            raise ValueError('messages that the index names are missing')
