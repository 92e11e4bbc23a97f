"""Parts of one scan, from several cameras' nodes, joined by its stamp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Part = TypeVar('Part')

_MAX_WAITING = 16


@dataclass(slots=True)
class Scan(Generic[Part]):
    """What has come of one scan.

    Attributes:
        stamp_ns: Its stamp. began_ns: When its first part came. parts: By camera.
    """

    stamp_ns: int
    began_ns: int
    parts: dict[str, Part] = field(default_factory=dict)


class ScanJoin(Generic[Part]):
    """Joins parts; a camera that is silent is not waited for.

    A scan is complete when each camera that delivers has sent its part, and is emitted as it is at
    its deadline. Scans leave in the order of their stamps.

    Args:
        cameras: Names. deadline_s: Longest wait of a scan, from its first part.
        silent_after_s: A camera without a part for so long is silent until its next one.
        jump_back_s: Stamps that go back further than this are a restart, not a late part.

    Attributes:
        emitted: How many scans left. incomplete: How many of those lacked a part.
        received: Parts per camera. late: Parts per camera that came after their scan had left.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        deadline_s: float,
        silent_after_s: float,
        jump_back_s: float = 1.0,
    ) -> None:
        self.emitted = self.incomplete = 0
        self.received: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self._cameras = tuple(cameras)
        self._deadline_ns = round(deadline_s * 1e9)
        self._silent_ns = round(silent_after_s * 1e9)
        self._jump_ns = round(jump_back_s * 1e9)
        self._heard_ns: dict[str, int] = {}
        self._waiting: dict[int, Scan[Part]] = {}
        self._last_ns: int | None = None

    def add(self, camera: str, stamp_ns: int, part: Part, now_ns: int) -> list[Scan[Part]]:
        """Take a part; return the scans that leave by it.

        Args:
            camera: Who sent it.
            stamp_ns: Stamp of the scan.
            part: What it sent.
            now_ns: The clock that deadlines are on.
        """
        if not self._heard_ns:  # at the start each camera has its time to speak up
            self._heard_ns = dict.fromkeys(self._cameras, now_ns)
        self._heard_ns[camera] = now_ns
        self.received[camera] += 1
        if self._last_ns is not None and stamp_ns <= self._last_ns:
            if self._last_ns - stamp_ns < self._jump_ns:
                self.late[camera] += 1
                return self.advance(now_ns)
            self.clear()
        scan = self._waiting.setdefault(stamp_ns, Scan(stamp_ns, now_ns))
        scan.parts[camera] = part
        return self.advance(now_ns)

    def advance(self, now_ns: int) -> list[Scan[Part]]:
        """Return the scans that are complete or past their deadline by now."""
        left = list(self._leaving(now_ns))
        for scan in left:
            self.emitted += 1
            self.incomplete += len(scan.parts) < len(self._cameras)
            self._last_ns = scan.stamp_ns
        return left

    def next_deadline_ns(self) -> int | None:
        """Return when to call `advance` at the latest, None while nothing waits."""
        began_ns = [scan.began_ns for scan in self._waiting.values()]
        return min(began_ns) + self._deadline_ns if began_ns else None

    def clear(self) -> None:
        """Forget what waits and which scan was the last, as after a jump of the clock."""
        self._waiting.clear()
        self._last_ns = None

    def silent(self, now_ns: int) -> tuple[str, ...]:
        """Return the cameras that are not waited for."""
        return tuple(name for name in self._cameras if not self._speaks(name, now_ns))

    def _leaving(self, now_ns: int) -> Iterator[Scan[Part]]:
        for stamp_ns in sorted(self._waiting):
            scan = self._waiting[stamp_ns]
            due = now_ns - scan.began_ns >= self._deadline_ns or now_ns < scan.began_ns
            crowded = len(self._waiting) > _MAX_WAITING
            if not (due or crowded or self._complete(scan.parts, now_ns)):
                return
            yield self._waiting.pop(stamp_ns)

    def _complete(self, there: Iterable[str], now_ns: int) -> bool:
        return {name for name in self._cameras if self._speaks(name, now_ns)} <= set(there)

    def _speaks(self, name: str, now_ns: int) -> bool:
        return now_ns - self._heard_ns.get(name, now_ns - self._silent_ns) < self._silent_ns
