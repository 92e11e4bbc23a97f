"""How fast the demo's sequence is played: as fast as this machine makes enough label images."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.demo.results import LABELS_TOPIC, LabelFrame, clock_of
from mmseg_ros.demo.schedule import Outage

WARM_UP_S = 3.0
"""Seconds of the sequence that are played to find out what the machine can do."""
FEWEST_FRAMES = 5
"""Scored label images that a situation needs to be compared."""
SLOWEST = 0.02
_WANTED_FRAMES = 9
_NS_PER_S = 1e9


def results_per_second(recording: Path) -> float:
    """Return label images per second of a recording, from its first /clock to its last label.

    Raises:
        BagError: The recording cannot be read.
    """
    with BagReader(recording) as reader:
        received_ns = [received for _, received, _ in reader.messages([LABELS_TOPIC])]
        began_ns, _ = clock_of(reader)
    if not received_ns or not len(began_ns):
        return 0.0
    return len(received_ns) * _NS_PER_S / max(received_ns[-1] - int(began_ns[0]), 1)


def speed_for(results_hz: float, outages: Sequence[Outage]) -> float:
    """Return seconds of the sequence per second, so that every outage gets enough label images.

    It is 1 where the machine is fast enough, and never below SLOWEST.

    Args:
        results_hz: Label images per second that the machine makes.
        outages: Which sensor is silent when.

    >>> speed_for(2.0, [Outage('rgb', 3.0, 4.8)]), speed_for(20.0, [Outage('rgb', 3.0, 4.8)])
    (0.4, 1.0)
    """
    shortest_s = min((o.stop_s - o.start_s for o in outages), default=math.inf)
    speed = results_hz * shortest_s / _WANTED_FRAMES
    return min(1.0, max(SLOWEST, math.floor(speed * 100 + 1e-9) / 100)) if speed < 1.0 else 1.0


def slower(speed: float, fewest: int) -> float:
    """Return the speed of another try, after `fewest` label images in an outage at `speed`."""
    return max(SLOWEST, round(speed * min(0.5, (fewest + 1) / _WANTED_FRAMES), 3))


def fewest_frames(frames: Sequence[LabelFrame], outages: Sequence[Outage]) -> int:
    """Return the smallest number of scored label images that an outage has."""
    scored = Counter(frame.situation for frame in frames if frame.pixels.pixels)
    return min((scored[f'no {outage.modality}'] for outage in outages), default=0)
