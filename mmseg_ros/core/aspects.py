"""What becomes of an image of another shape than the network's input; see `projection.fit`."""

from __future__ import annotations

AUTO, STRETCH, LETTERBOX, CROP = 'auto', 'stretch', 'letterbox', 'crop'
ASPECTS: tuple[str, ...] = (AUTO, STRETCH, LETTERBOX, CROP)
DEFAULT_ASPECT = AUTO
