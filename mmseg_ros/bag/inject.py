"""A copy of a bag, simulated or recorded, with faults on a timeline."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from mmseg_ros.bag.faults import CONTENT_KINDS, Fault, FaultFilter, Stamped
from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.bag.writer import whole_bag
from mmseg_ros.core.modalities import TF_STATIC_TOPIC


def inject_faults(
    source: Path, out: Path, schedule: Sequence[Fault], seed: int = 0
) -> Generator[int, None, None]:
    """Write the bag `source` with the faults of a schedule to `out`; yield the messages written.

    Messages whose content no fault touches are copied byte by byte.

    Raises:
        BagError: A bag cannot be read or written.
        SampleError: A message that a fault shall change does not fit its type.
    """
    with BagReader(source) as reader, whole_bag(out, compress=True) as writer:
        stream = FaultFilter(schedule, seed).apply(_stream(reader, schedule))
        for done, (topic, stamp_ns, message) in enumerate(stream, 1):
            latched = topic == TF_STATIC_TOPIC
            if isinstance(message, RawMessage):
                writer.write_raw(topic, message.type_name, stamp_ns, message.data, latched)
            else:
                writer.write(topic, reader.topics[topic].type_name, stamp_ns, message, latched)
            yield done


def _stream(reader: BagReader, schedule: Sequence[Fault]) -> Iterator[Stamped]:
    patterns = [fault.topic for fault in schedule if fault.kind in CONTENT_KINDS]
    touched = {t for t in reader.topics if any(fnmatchcase(t, p) for p in patterns)}
    for item in reader.raw():
        message = reader.deserialize(item) if item.topic in touched else item
        yield item.topic, item.stamp_ns, message
