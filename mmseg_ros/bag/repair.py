"""Rescues the whole messages of recordings that were never closed, cut off or damaged."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard
from mcap.records import Attachment, Channel, Message, Metadata, Schema

from mmseg_ros.bag.files import rescuable_files
from mmseg_ros.bag.mcap_copy import McapCopy
from mmseg_ros.bag.mcap_records import WholeRecords
from mmseg_ros.bag.sqlite_records import SqliteRecords
from mmseg_ros.core.atomic_files import atomic_folder, require_absent
from mmseg_ros.core.errors import BagError

_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class RescueSummary:
    """What a rescue found.

    Attributes:
        messages: Messages written. topics: Topics with messages.
        duration_s: Seconds between first and last.
        damaged: Pieces of the files of which something was lost.
        left_out: Files that hold no message that could be read.
    """

    messages: int
    topics: int
    duration_s: float
    damaged: int
    left_out: tuple[str, ...]


def rescue(
    path: Path | str, output: Path | str, topics: Collection[str] | None = None
) -> RescueSummary:
    """Copy every whole message of a damaged recording into a new, indexed bag.

    Definitions, channels, QoS, metadata and bytes are copied as they are. Nothing is left behind
    if there is nothing to rescue.

    Args:
        path: An .mcap or .db3 file, also as .zstd, or a bag folder with one or several of them.
        output: Folder of the new bag.
        topics: Only these; None copies all.

    Raises:
        BagError: There is no such file, it holds no whole message, or the output exists.
        OutputError: The new bag cannot be written.
    """
    sources = rescuable_files(Path(path))
    require_absent(Path(output), BagError)
    with atomic_folder(output) as draft:
        draft.rmdir()  # the copy makes it
        copy = McapCopy(draft)
        try:
            results = {source.name: _copy_file(source, copy, topics) for source in sources}
        finally:
            copy.close()
        if not copy.messages:
            raise BagError(
                f'{path} holds no whole message{" on these topics" if topics else ""}; there is '
                'nothing to rescue.'
            )
    left_out = tuple(name for name, (messages, _) in results.items() if not messages)
    return RescueSummary(
        copy.messages,
        copy.topics,
        (copy.end_ns - copy.start_ns) / 1e9,
        sum(damaged for _, damaged in results.values()),
        left_out,
    )


def _copy_file(source: Path, copy: McapCopy, topics: Collection[str] | None) -> tuple[int, int]:
    """Copy one file and return its number of messages and of damaged pieces."""
    before = copy.messages
    with ExitStack() as stack:
        plain = source
        if source.suffix in ('.zstd', '.zst'):
            plain = _unpacked(source, Path(stack.enter_context(TemporaryDirectory())))
        records: WholeRecords | SqliteRecords = (
            WholeRecords(plain) if plain.suffix == '.mcap' else SqliteRecords(plain)
        )
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
        for record in records:
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message):
                _copy_message(record, channels, schemas, copy, topics)
            elif isinstance(record, (Attachment, Metadata)):
                copy.write_beside(record)
    return copy.messages - before, records.damaged


def _copy_message(
    message: Message,
    channels: dict[int, Channel],
    schemas: dict[int, Schema],
    copy: McapCopy,
    topics: Collection[str] | None,
) -> None:
    channel = channels.get(message.channel_id)
    if channel is None or (topics is not None and channel.topic not in topics):
        return
    schema = schemas.get(channel.schema_id)
    if schema is None and channel.schema_id:
        return  # without its definition nobody can read it
    number = copy.channel(channel, schema)
    data = message.data
    if data[:4] == _ZSTD_MAGIC:  # recorded with --compression-mode message
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    copy.write(
        channel.topic, number, message.log_time, data, message.publish_time, message.sequence
    )


def _unpacked(path: Path, folder: Path) -> Path:
    """Return the plain file of a compressed one, as far as it goes."""
    target = folder / path.stem
    with path.open('rb') as packed, target.open('wb') as plain:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        try:
            while piece := reader.read(_PIECE):
                plain.write(piece)
        except zstandard.ZstdError:
            pass  # what was unpacked until the damage is read
    return target
