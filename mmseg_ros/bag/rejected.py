"""Messages of a replay that could not be taken, counted by sensor and cause."""

from __future__ import annotations

from collections import Counter

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.types import Modality


class Rejected:
    """Takes what `replay.samples` rejects; pass it as `on_rejected`.

    Attributes:
        causes: Number per cause, per sensor.
    """

    def __init__(self) -> None:
        self.causes: dict[Modality, Counter[str]] = {}

    def __call__(self, modality: Modality, error: MmsegError) -> None:
        """Count one message."""
        self.causes.setdefault(modality, Counter())[str(error)] += 1

    def text(self) -> str:
        """Return one line per sensor and cause, '' where everything was taken."""
        return ''.join(
            f'{modality}: {count} messages rejected: {cause}\n'
            for modality, counter in sorted(self.causes.items())
            for cause, count in counter.most_common()
        )
