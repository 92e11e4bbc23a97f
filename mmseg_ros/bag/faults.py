"""Faults on a timeline: a schedule that changes a stream of messages as failing sensors do.

The stream is any iterable of (topic, receipt stamp in ns, message), of a simulated or a recorded
bag; messages are duck-typed ROS messages and are never changed in place.
"""

from __future__ import annotations

import copy
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from mmseg_ros.bag import message_faults
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.safe_yaml import load_yaml

Stamped: TypeAlias = tuple[str, int, Any]

KINDS: dict[str, str] = {
    'drop': 'messages are lost',
    'delay': 'messages arrive delay_s later',
    'freeze': 'the content of the first message is repeated under new stamps',
    'duplicate': 'each message arrives 1 + copies times',
    'burst': 'messages are held back and arrive together every period_s',
    'clock_offset': 'header stamps are offset_s off, plus drift_s per second',
    'bad_encoding': 'images name an unknown encoding, clouds lose the name of a field',
    'wrong_calibration': 'transforms are turned and moved, focal lengths are scaled',
    'rate_cut': 'one of keep_every messages comes, the others are lost',
}
CONTENT_KINDS = ('freeze', 'clock_offset', 'bad_encoding', 'wrong_calibration')
"""Those that look into messages."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One entry of a schedule.

    Attributes:
        kind: One of KINDS. topic: Topic name or shell pattern.
        start_s: First moment, seconds since the stream began. end_s: First moment after it.
        probability: Share of messages that are hit.
        delay_s: For delay. period_s: For burst. copies: For duplicate.
        offset_s: For clock_offset. drift_s: Growth of the offset per second.
        encoding: For bad_encoding, what the image says.
        rotation_deg: Roll, pitch, yaw for wrong_calibration. translation_m: Shift.
        frame_id: Child frame of the transform that is wrong; empty for all.
        focal_scale: Factor on focal lengths of CameraInfo.
        keep_every: For rate_cut: 2 halves the rate.
    """

    kind: str
    topic: str
    start_s: float = 0.0
    end_s: float = float('inf')
    probability: float = 1.0
    delay_s: float = 0.2
    period_s: float = 0.5
    copies: int = 1
    offset_s: float = 0.3
    drift_s: float = 0.0
    encoding: str = 'unknown42'
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 3.0)
    translation_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    frame_id: str = ''
    focal_scale: float = 1.0
    keep_every: int = 2

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f'There is no fault {self.kind!r}; there are: {", ".join(KINDS)}.')
        if not self.start_s < self.end_s:
            raise ConfigError(
                f'Fault {self.kind} on {self.topic}: start_s {self.start_s} must be before end_s '
                f'{self.end_s}.'
            )
        if not 0.0 <= self.probability <= 1.0 or min(self.delay_s, self.copies) < 0:
            raise ConfigError(
                f'Fault {self.kind} on {self.topic}: probability must be in [0, 1], delay_s and '
                'copies must not be negative.'
            )
        if self.keep_every < 1:
            raise ConfigError(f'Fault {self.kind} on {self.topic}: keep_every must be positive.')
        if self.period_s <= 0:
            raise ConfigError(f'Fault {self.kind} on {self.topic}: period_s must be positive.')

    def hits(self, topic: str, time_s: float) -> bool:
        """Return whether a message of `topic`, received at `time_s`, is in its reach."""
        return self.start_s <= time_s < self.end_s and fnmatchcase(topic, self.topic)


def load_schedule(path: Path) -> tuple[Fault, ...]:
    """Read a schedule: `faults: [{kind: drop, topic: /lidar/points, start_s: 2, end_s: 4}, ...]`.

    Raises:
        ConfigError: The file cannot be read, or an entry is unknown or out of range.
    """
    try:
        entries = load_yaml(path, ConfigError)['faults']
        return tuple(_fault(entry, f'{path}, fault {k}') for k, entry in enumerate(entries, 1))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f'{path}: not a fault schedule ({error!r}); needed: faults: [kind, topic, ...].'
        ) from error


def _fault(entry: dict[str, Any], place: str) -> Fault:
    known = {item.name for item in fields(Fault)}
    unknown = set(entry) - known
    if unknown or not {'kind', 'topic'} <= set(entry):
        raise ConfigError(
            f'{place}: kind and topic are needed and {", ".join(sorted(unknown)) or "no key"} is '
            f'unknown; the keys are: {", ".join(sorted(known))}.'
        )
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()
    }
    return Fault(**values)


class FaultFilter:
    """Applies a schedule to one stream. Equal seeds hit equal messages."""

    def __init__(self, schedule: Iterable[Fault], seed: int = 0) -> None:
        self._faults = tuple(schedule)
        self._rng = np.random.default_rng([seed, 23])
        self._frozen: dict[tuple[int, str], Any] = {}
        self._passed: Counter[tuple[int, str]] = Counter()

    def apply(self, stream: Iterable[Stamped]) -> Iterator[Stamped]:
        """Yield the changed stream in the order of receipt."""
        waiting: list[tuple[int, int, str, Any]] = []
        start_ns, count = None, 0
        for topic, stamp_ns, message in stream:
            start_ns = stamp_ns if start_ns is None else start_ns
            while waiting and waiting[0][0] <= stamp_ns:
                yield _unpack(heapq.heappop(waiting))
            for received_ns, faulty in self._inject(topic, stamp_ns, start_ns, message):
                heapq.heappush(waiting, (received_ns, count, topic, faulty))
                count += 1
        while waiting:
            yield _unpack(heapq.heappop(waiting))

    def _inject(
        self, topic: str, stamp_ns: int, start_ns: int, message: Any
    ) -> list[tuple[int, Any]]:
        """Return what becomes of one message: (receipt stamp, message), none, one or more."""
        time_s = (stamp_ns - start_ns) / 1e9
        result = [(stamp_ns, message)]
        for k, fault in enumerate(self._faults):
            if not fault.hits(topic, time_s):
                self._frozen.pop((k, topic), None)
            elif self._rng.random() < fault.probability:
                if fault.kind == 'freeze':
                    kept = self._frozen.setdefault((k, topic), message)
                    result = [(t, _restamped(kept, item)) for t, item in result]
                elif fault.kind == 'rate_cut':
                    result = result if self._passed[k, topic] % fault.keep_every == 0 else []
                    self._passed[k, topic] += 1
                else:
                    result = _EFFECTS[fault.kind](fault, time_s, result)
        return result


def _unpack(entry: tuple[int, int, str, Any]) -> Stamped:
    received_ns, _, topic, message = entry
    return topic, received_ns, message


def _restamped(content: Any, header_of: Any) -> Any:
    """Return `content` under the header of another message."""
    repeated = copy.copy(content)
    if hasattr(header_of, 'header'):
        repeated.header = header_of.header
    return repeated


_Items: TypeAlias = list[tuple[int, Any]]


def _drop(fault: Fault, time_s: float, items: _Items) -> _Items:
    return []


def _delay(fault: Fault, time_s: float, items: _Items) -> _Items:
    return [(stamp_ns + round(fault.delay_s * 1e9), item) for stamp_ns, item in items]


def _duplicate(fault: Fault, time_s: float, items: _Items) -> _Items:
    return [item for item in items for _ in range(1 + fault.copies)]


def _burst(fault: Fault, time_s: float, items: _Items) -> _Items:
    since_s = time_s - fault.start_s
    wait_s = min(-since_s % fault.period_s, max(fault.end_s - time_s, 0.0))
    return [(stamp_ns + round(wait_s * 1e9), item) for stamp_ns, item in items]


def _clock_offset(fault: Fault, time_s: float, items: _Items) -> _Items:
    shift_ns = round((fault.offset_s + fault.drift_s * (time_s - fault.start_s)) * 1e9)
    return [(stamp_ns, message_faults.shifted(item, shift_ns)) for stamp_ns, item in items]


def _bad_encoding(fault: Fault, time_s: float, items: _Items) -> _Items:
    return [(stamp_ns, message_faults.misnamed(item, fault.encoding)) for stamp_ns, item in items]


def _wrong_calibration(fault: Fault, time_s: float, items: _Items) -> _Items:
    return [
        (
            stamp_ns,
            message_faults.miscalibrated(
                item, fault.frame_id, fault.rotation_deg, fault.translation_m, fault.focal_scale
            ),
        )
        for stamp_ns, item in items
    ]


_EFFECTS: dict[str, Callable[[Fault, float, _Items], _Items]] = {
    'drop': _drop,
    'delay': _delay,
    'duplicate': _duplicate,
    'burst': _burst,
    'clock_offset': _clock_offset,
    'bad_encoding': _bad_encoding,
    'wrong_calibration': _wrong_calibration,
}
