"""`mmseg_ros inspect` on the file of an event camera: what it holds, and how to make it a bag."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmseg_ros.bag.event_recordings import EventRecording

_S = 1e9


@dataclass(frozen=True, slots=True)
class EventSummary:
    """What an event file holds.

    Attributes:
        codec: Name of the format.
        width: Columns of the sensor. height: Its rows.
        names_size: Whether the file names that size; else it is the smallest usual one.
        events: Number of events. on: Those that rose. off: Those that fell.
        first_s: Time of the first event. last_s: Time of the last.
        is_absolute: Whether the times are of a clock, not counted from the sensor's start.
        rate_hz: Events per second. peak_hz: The same within the fullest packet of 10 ms.
    """

    codec: str
    width: int
    height: int
    names_size: bool
    events: int
    on: int
    off: int
    first_s: float
    last_s: float
    is_absolute: bool
    rate_hz: float
    peak_hz: float


def inspect_events(args: argparse.Namespace) -> int:
    """Print what the event file `args.bag` holds and what to do next.

    Raises:
        ConfigError: An option is given that only a bag can answer.
        SampleError: The file holds no events.
        MmsegError: It cannot be read, or needs a library that is not installed.
    """
    from mmseg_ros.bag.event_recordings import open_event_recording
    from mmseg_ros.core.errors import ConfigError, SampleError

    path = Path(args.bag)
    given = [name for name in ('sensors', 'calibration', 'write') if getattr(args, name)]
    if given:
        raise ConfigError(
            f'{path} is an event file; --{given[0]} is for bags: make one with import images.'
        )
    recording = open_event_recording(path)
    if not len(recording.events.stamp_ns):
        raise SampleError(f'{path} ({recording.codec}) holds no events; record it again.')
    found = event_summary(recording)
    print(json.dumps(asdict(found), indent=2) if args.json else _to_text(path, found))
    return 0


def event_summary(recording: EventRecording) -> EventSummary:
    """Return what a recording with at least one event holds."""
    from mmseg_ros.bag.event_recordings import PACKET_NS, event_packets

    events = recording.events
    first, last = int(events.stamp_ns[0]), int(events.stamp_ns[-1])
    count, on = len(events.stamp_ns), int(events.polarity.sum())
    fullest = max(len(packet.stamp_ns) for packet in event_packets(events))
    return EventSummary(
        codec=recording.codec,
        width=events.width,
        height=events.height,
        names_size=recording.names_size,
        events=count,
        on=on,
        off=count - on,
        first_s=first / _S,
        last_s=last / _S,
        is_absolute=recording.is_absolute,
        rate_hz=count * _S / max(last - first, PACKET_NS),
        peak_hz=fullest * _S / PACKET_NS,
    )


def _to_text(path: Path, found: EventSummary) -> str:
    guessed = '' if found.names_size else ' (not named by the file: smallest usual size)'
    clock = 'since 1970' if found.is_absolute else "from the sensor's start"
    folder = str(path.parent.parent) if path.parent.name == 'event' else 'DIR'
    lines = [
        f'{path}: events, {found.codec}',
        f'sensor  {found.width} x {found.height} pixels{guessed}',
        f'time    {found.first_s:.6f} to {found.last_s:.6f} s {clock}, '
        f'{found.last_s - found.first_s:.6f} s',
        f'events  {found.events}: {found.on} on, {found.off} off',
        f'rate    {found.rate_hz:.0f} events/s, {found.peak_hz:.0f} in the fullest 10 ms',
        '',
    ]
    if folder == 'DIR':
        lines.append('Next: put it into DIR/event/, images and clouds beside it (DIR/rgb/ ...).')
    if not found.names_size:
        lines.append(
            'Give event an image size in the calibration.yaml of that folder if it differs.'
        )
    lines.append(f'Then: python -m mmseg_ros import images {shlex.quote(folder)} --out BAG')
    return '\n'.join(lines)
