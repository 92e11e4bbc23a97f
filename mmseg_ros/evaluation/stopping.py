"""How a long run is asked to end with what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Stopped: TypeAlias = Callable[[], bool]
"""Asked after every frame whether to end with what there is."""


def never() -> bool:
    """Return False: the run goes on to its end."""
    return False
