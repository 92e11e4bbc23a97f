"""Scores of masks that text prompts mean: overall and mean IoU, and the share that is precise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError

PRECISION_AT = (0.5, 0.6, 0.7, 0.8, 0.9)


class ReferringScore:
    """Intersections and unions of predicted and true masks, one pair per text prompt.

    Every text prompt counts once, also if several mean the same object. A pair without any pixel
    counts as IoU 0, as in the evaluation of the RefCOCO family.

    >>> score = ReferringScore()
    >>> score.update(np.array([True, True, False]), np.array([True, False, False]))
    0.5
    >>> score.miou(), score.oiou(), score.precision(0.6)
    (0.5, 0.5, 0.0)

    Attributes:
        intersections: Pixels in both masks, one count per text prompt.
        unions: Pixels in one of the masks, one count per text prompt.
    """

    def __init__(self) -> None:
        """Start with no text prompt counted."""
        self.intersections: list[int] = []
        self.unions: list[int] = []

    def __len__(self) -> int:
        return len(self.unions)

    def update(self, mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
        """Add one sentence and return its IoU.

        Args:
            mask: Predicted, any shape, bool.
            truth: True mask of the same shape, bool.

        Raises:
            DatasetError: Shapes differ, or a dtype is not bool.
        """
        if mask.shape != truth.shape or mask.dtype != np.bool_ or truth.dtype != np.bool_:
            raise DatasetError(
                f'Expected two bool masks of one shape, but got {mask.shape} {mask.dtype} and '
                f'{truth.shape} {truth.dtype}; resize the prediction first.'
            )
        return self.add(int((mask & truth).sum()), int((mask | truth).sum()))

    def add(self, both: int, either: int) -> float:
        """Add one sentence by the pixels in both of its masks and in either; return its IoU."""
        self.intersections.append(both)
        self.unions.append(either)
        return both / either if either else 0.0

    def ious(self) -> NDArray[np.float64]:
        """Return N float64, the IoU of every text prompt."""
        unions = np.asarray(self.unions, np.float64)
        both = np.asarray(self.intersections, np.float64)
        return np.divide(both, unions, out=np.zeros_like(unions), where=unions > 0)

    def miou(self) -> float:
        """Return the mean of the text prompts' IoU; NaN without any text prompt."""
        return float(self.ious().mean()) if len(self) else float('nan')

    def oiou(self) -> float:
        """Return the sum of intersections over the sum of unions: large objects count more."""
        total = sum(self.unions)
        return sum(self.intersections) / total if total else float('nan')

    def precision(self, least: float) -> float:
        """Return the share of text prompts with an IoU of at least `least`."""
        return float((self.ious() >= least).mean()) if len(self) else float('nan')

    def to_dict(self) -> dict[str, float]:
        """Return all scores as JSON-ready values: count, miou, oiou, p50 to p90."""
        shares = {f'p{round(100 * at)}': self.precision(at) for at in PRECISION_AT}
        return {'count': len(self), 'miou': self.miou(), 'oiou': self.oiou(), **shares}
