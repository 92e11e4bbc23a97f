"""What a visitor can do on the page; a source that cannot be steered leaves them out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Controls:
    """Actions behind the page's buttons; None where the source has no such thing.

    Attributes:
        ask: Sends text prompts to the node; an empty text ends them.
        silence: Tells the player which sensors are held back.
        seek: Goes to a time of the bag, in seconds. duration_s: Its length.
        pause: Stops or continues the bag.
        position: Returns the time that is shown.
    """

    ask: Callable[[str], None] | None = None
    silence: Callable[[Collection[str]], None] | None = None
    seek: Callable[[float], None] | None = None
    duration_s: float = 0.0
    pause: Callable[[bool], None] | None = None
    position: Callable[[], float] = lambda: 0.0
