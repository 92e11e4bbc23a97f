"""Where the node's time went, as it says itself on /diagnostics."""

from __future__ import annotations

import re
from pathlib import Path

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.demo.results import DIAGNOSTICS_TOPIC

_STAGE = re.compile(r'(\w+)_p(50|95)_ms')


def stage_times(recording: Path) -> dict[str, dict[str, float]]:
    """Return {stage: {'p50', 'p95'}} in milliseconds from the last report that holds any.

    Raises:
        BagError: The recording cannot be read.
    """
    stages: dict[str, dict[str, float]] = {}
    with BagReader(recording) as reader:
        for _, _, message in reader.messages([DIAGNOSTICS_TOPIC]):
            found: dict[str, dict[str, float]] = {}
            for status in message.status:
                for value in status.values:
                    match = _STAGE.fullmatch(value.key)
                    if match and status.name.endswith('processing'):
                        found.setdefault(match[1], {})[f'p{match[2]}'] = float(value.value)
            stages = found or stages
    return stages
