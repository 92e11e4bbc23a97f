"""Rescues the whole messages of an MCAP file that was never closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rosbags.typesys import get_types_from_msg

from mmseg_ros.bag.typestore import typestore
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import BagError


@dataclass(frozen=True, slots=True)
class RescueSummary:
    """What a rescue found: messages and topics written, and seconds between first and last."""

    messages: int
    topics: int
    duration_s: float


def rescue(path: Path | str, output: Path | str) -> RescueSummary:
    """Copy every whole message of a damaged recording into a new, indexed bag.

    Args:
        path: An .mcap file, or a bag folder that holds exactly one.
        output: Folder of the new bag.

    Raises:
        BagError: There is no such file, it holds no whole message, or the output exists.
    """
    from mcap.reader import NonSeekingReader

    source = _single_mcap(Path(path))
    known = typestore()
    stamps: list[int] = []
    topics: set[str] = set()
    with BagWriter(output) as bag, source.open('rb') as stream:
        messages = NonSeekingReader(stream).iter_messages(log_time_order=False)
        while True:
            try:
                schema, channel, message = next(messages)
            except StopIteration:
                break
            except Exception:  # the cut itself: whatever follows is not whole
                break
            if schema is None:
                continue
            if schema.name not in known.types:
                known.register(get_types_from_msg(schema.data.decode(), schema.name))
            bag.write_raw(channel.topic, schema.name, message.log_time, message.data)
            stamps.append(message.log_time)
            topics.add(channel.topic)
    if not stamps:
        raise BagError(f'{source} holds no whole message; there is nothing to rescue.')
    return RescueSummary(len(stamps), len(topics), (max(stamps) - min(stamps)) / 1e9)


def _single_mcap(path: Path) -> Path:
    files = [path] if path.is_file() else sorted(path.glob('*.mcap'))
    if len(files) != 1 or files[0].suffix != '.mcap':
        found = ', '.join(file.name for file in files) or 'none'
        raise BagError(f'{path}: expected one .mcap file to rescue, but found {found}.')
    return files[0]
