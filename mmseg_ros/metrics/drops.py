"""What a run could not use, by sensor and cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DropRow:
    """One cause: the sensor ('' for whole frames), what was dropped, how often, and why."""

    sensor: str
    what: str
    count: int
    cause: str


def drop_rows(metrics: Mapping[str, Any]) -> list[DropRow]:
    """Return everything that a run over a recording did not use.

    Args:
        metrics: Content of metrics.json.
    """
    return list(_rows(metrics))


def _rows(metrics: Mapping[str, Any]) -> Iterator[DropRow]:
    for key, what in (('malformed', 'messages rejected'), ('rejected', 'samples not alignable')):
        for sensor, entry in metrics[key].items():
            yield DropRow(sensor, what, entry['count'], entry['reason'])
    for key, what in (('dropped', 'samples dropped'), ('lost', 'parts of samples lost')):
        for sensor, causes in metrics.get(key, {}).items():
            for cause, count in causes.items():
                yield DropRow(sensor, what, count, cause)
    for cause, count in metrics['sets']['unusable'].items():
        yield DropRow('', 'frames unusable', count, cause)


def drop_text(metrics: Mapping[str, Any]) -> str:
    """Return one line per cause and per doubt, '' where everything was used and is certain."""
    rows = drop_rows(metrics)
    lines = [f'  {row.sensor:8} {row.count:6} {row.what}: {row.cause}\n' for row in rows]
    doubts = ''.join(f'{doubt}\n' for doubt in doubts_of(metrics))
    return ('Not used:\n' + ''.join(lines) if lines else '') + doubts


def doubts_of(metrics: Mapping[str, Any]) -> list[str]:
    """Return which damage of the recording was not noticed, or may have happened, in sentences."""
    return list(metrics.get('bag', {}).get('doubts', ()))
