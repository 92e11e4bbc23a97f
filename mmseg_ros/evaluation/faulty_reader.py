"""A bag read as if some of its sensors had failed; the file itself stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mmseg_ros.bag.faults import CONTENT_KINDS, Fault, FaultFilter, Stamped
from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.core.errors import SampleError


@dataclass(frozen=True, slots=True)
class _Changed(RawMessage):
    """A message whose content a fault changed; `data` is empty."""

    message: Any


class FaultyBagReader(BagReader):
    """Yields the messages of a bag after the faults of a schedule."""

    def __init__(self, path: Path | str, schedule: Sequence[Fault], seed: int = 0) -> None:
        """Open a bag.

        Args:
            path: As of `BagReader`.
            schedule: The faults.
            seed: Which messages are hit where a fault hits only some.

        Raises:
            BagError: There is no bag, or it is damaged.
        """
        super().__init__(path)
        self._schedule = tuple(schedule)
        self._seed = seed

    def raw(
        self,
        topics: Collection[str] | None = None,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[RawMessage]:
        """Yield messages in the order of their receipt after the faults; see `BagReader.raw`."""
        stream = self._stream(super().raw(topics, start_ns, stop_ns))
        for topic, stamp_ns, message in FaultFilter(self._schedule, self._seed).apply(stream):
            if isinstance(message, RawMessage):
                yield replace(message, stamp_ns=stamp_ns)
            else:
                type_name = self.topics[topic].type_name
                yield _Changed(topic, type_name, stamp_ns, b'', message)

    def deserialize(self, item: RawMessage) -> Any:
        """Return the message object; see `BagReader.deserialize`."""
        return item.message if isinstance(item, _Changed) else super().deserialize(item)

    def _stream(self, items: Iterator[RawMessage]) -> Iterator[Stamped]:
        patterns = [fault.topic for fault in self._schedule if fault.kind in CONTENT_KINDS]
        touched = {t for t in self.topics if any(fnmatchcase(t, p) for p in patterns)}
        for item in items:
            yield item.topic, item.stamp_ns, self._opened(item) if item.topic in touched else item

    def _opened(self, item: RawMessage) -> Any:
        """Return the message of an item; a malformed one as it is, to be counted where it goes."""
        try:
            return super().deserialize(item)
        except SampleError:
            return item
