"""Where an indexed MCAP file is damaged, and how much of it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from mcap.data_stream import ReadDataStream
from mcap.reader import SeekingReader, breakup_chunk
from mcap.records import Chunk, ChunkIndex, Message

_HEAD = struct.Struct('<BQ')
_INDEX_HEAD = struct.Struct('<HI')
_INDEX_ENTRY_BYTES = 16


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
        found = sum(isinstance(record, Message) for record in records)
    except Exception:  # damage shows in any way
        return False
    return found >= _message_count(stream, index)


def _message_count(stream: IO[bytes], index: ChunkIndex) -> int:
    """Return how many messages the index behind a chunk names, which lies outside of it."""
    count = 0
    for offset in index.message_index_offsets.values():
        stream.seek(offset + _HEAD.size)
        head = stream.read(_INDEX_HEAD.size)
        if len(head) == _INDEX_HEAD.size:
            count += _INDEX_HEAD.unpack(head)[1] // _INDEX_ENTRY_BYTES
    return count
