"""Whole records of an MCAP file that was cut off or damaged, without its index."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import SeekingReader
from mcap.records import Attachment, Channel, Header, Message, Metadata, Schema

from mmseg_ros.bag.storage_mcap import MAGIC

_HEAD = struct.Struct('<BQ')
_CHUNK_HEAD = struct.Struct('<QQQII')
_LARGEST_CHUNK = 1 << 31
_PLAIN = {
    Opcode.HEADER: Header,
    Opcode.SCHEMA: Schema,
    Opcode.CHANNEL: Channel,
    Opcode.ATTACHMENT: Attachment,
    Opcode.METADATA: Metadata,
}


class WholeRecords:
    """Reads on past damaged chunks, and into one that is cut off.

    Attributes:
        damaged: Chunks, or ends of the file, of which something was lost.
    """

    def __init__(self, path: Path) -> None:
        """Take note of the file; it is opened when it is read."""
        self.damaged = 0
        self._path = path

    def __iter__(self) -> Iterator[Any]:
        """Yield records of mcap: header, schemas, channels, messages, attachments, metadata."""
        yield from _summary_records(self._path)
        with self._path.open('rb') as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                self.damaged += 1
                return
            for opcode, content, is_whole in _split(stream):
                yield from self._read(opcode, content, is_whole)

    def _read(self, opcode: int, content: bytes, is_whole: bool) -> Iterator[Any]:
        if not is_whole:
            self.damaged += 1
        try:
            if opcode == Opcode.CHUNK:
                plain = self._unpacked(content, is_whole)
                for inner, part, inner_is_whole in _split(io.BytesIO(plain)):
                    if inner_is_whole:
                        yield from _parsed(inner, part)
            elif is_whole:
                yield from _parsed(opcode, content)
        except Exception:  # damage shows in any way; what follows is read all the same
            self.damaged += 1

    def _unpacked(self, content: bytes, is_whole: bool) -> bytes:
        """Return the plain content of a chunk, as far as there is one."""
        _, _, size, crc, word = _CHUNK_HEAD.unpack_from(content)
        begin = _CHUNK_HEAD.size + word + 8
        compression = content[_CHUNK_HEAD.size : _CHUNK_HEAD.size + word].decode()
        if size > _LARGEST_CHUNK:
            raise ValueError(f'a chunk claims to hold {size} bytes')
        plain = _decompressed(compression, content[begin:], size)
        if is_whole and crc and zlib.crc32(plain) != crc:
            raise ValueError('the checksum of a chunk does not match')
        return plain


def _decompressed(compression: str, data: bytes, size: int) -> bytes:
    if compression == 'zstd':
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as reader:
            return bytes(reader.read(size))
    if compression == 'lz4':
        import lz4.frame  # type: ignore[import-untyped]

        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, size))
    if compression:
        raise ValueError(f'unknown compression {compression!r}')
    return data[:size]


def _split(stream: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Yield opcode, content and whether the content is whole, up to the end."""
    while True:
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        opcode, length = _HEAD.unpack(head)
        if head[: len(MAGIC)] == MAGIC:
            return
        content = stream.read(min(length, _LARGEST_CHUNK))
        yield opcode, content, len(content) == length
        if opcode in (Opcode.DATA_END, Opcode.FOOTER) or len(content) < length:
            return


def _parsed(opcode: int, content: bytes) -> Iterator[Any]:
    stream = ReadDataStream(io.BytesIO(content))
    if opcode == Opcode.MESSAGE:
        yield Message.read(stream, len(content))
    elif opcode in _PLAIN:
        yield _PLAIN[Opcode(opcode)].read(stream)  # type: ignore[attr-defined]


def _summary_records(path: Path) -> Iterator[Any]:
    """Yield schemas and channels of the index, if there is one: chunks may have lost them."""
    try:
        with path.open('rb') as stream:
            summary = SeekingReader(stream).get_summary()
    except Exception:  # mostly there is none
        return
    if summary is not None:
        yield from summary.schemas.values()
        yield from summary.channels.values()
