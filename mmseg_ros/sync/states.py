"""The states that a sensor can be in, and how many samples it takes to change them."""

from __future__ import annotations

from enum import Enum

BAD_STREAK = 3
"""Consecutive late, off-clock or unusable samples after which a sensor changes its state."""
GOOD_STREAK = 2
"""Consecutive good samples after which a recovering sensor is OK again."""


class HealthState(str, Enum):
    """State of one sensor.

    OK: delivers in time and is waited for. LATE: delivers, but after its frames have closed.
    STALE: has missed samples, or delivers nothing usable. LOST: silent.
    RECOVERING: came back, not yet trusted. OFFSET: its clock disagrees with the other sensors'.
    Only an OK sensor, and one that was not heard yet in the first moments, is waited for.
    """

    OK = 'OK'
    LATE = 'LATE'
    STALE = 'STALE'
    LOST = 'LOST'
    RECOVERING = 'RECOVERING'
    OFFSET = 'OFFSET'
