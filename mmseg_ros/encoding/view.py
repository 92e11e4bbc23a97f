"""Which part of a scaled image is wanted, and which pixels of the image it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Axis:
    """Rows or columns of a view.

    Attributes:
        size: Pixels of the image. scaled: Of the scaled image, at least 1.
        start: First pixel of the view in the scaled image. count: Pixels of the view.
    """

    size: int
    scaled: int
    start: int
    count: int

    @property
    def ratio(self) -> float:
        """Return how many pixels of the image make one of the scaled image."""
        return self.size / self.scaled

    @property
    def shown(self) -> int:
        """Return how many pixels of the view lie in the scaled image; the others are border."""
        return max(min(self.count, self.scaled - self.start), 0)

    def nearest(self) -> NDArray[np.intp]:
        """Return the pixel of the image that is nearest to each shown pixel of the view."""
        centres = (self.start + np.arange(self.shown) + 0.5) * self.ratio
        return np.minimum(centres.astype(np.intp), self.size - 1)

    def cells(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return 2 x n first and past-the-last pixels, and n middles, of the shown pixels' cells.

        Pixels of the image whose centers lie in a pixel of the scaled image are its cell.
        """
        edges = (self.start + np.arange(self.shown + 1)) * self.ratio
        limits = np.ceil(edges - 0.5).astype(np.int32)
        middles = (edges[:-1] + edges[1:]) / 2 - 0.5
        return np.stack([limits[:-1], limits[1:]]), middles.astype(np.float32)

    def goal(self, margin: int = 0) -> tuple[int, NDArray[np.int32]]:
        """Return where pixels of the image fall: the first one, and the places of those after it.

        Each pixel falls on the pixel of the scaled image that its center lies in.

        Args:
            margin: Pixels around the view that are wanted too; the view begins at `margin`.
        """
        first = int(max(np.floor((self.start - margin) * self.ratio) - 1, 0))
        last = int(min(np.ceil((self.start + self.count + margin) * self.ratio) + 1, self.size))
        centres = (np.arange(first, last) + 0.5) / self.ratio
        places = centres.astype(np.int32) - np.int32(self.start - margin)
        outside = (places < 0) | (places >= self.count + 2 * margin)
        outside |= centres >= self.scaled
        return first, np.where(outside, np.int32(-1), places)


@dataclass(frozen=True, slots=True)
class View:
    """A part of a scaled image.

    Attributes:
        rows: Along the height. columns: Along the width.
    """

    rows: Axis
    columns: Axis

    @classmethod
    def whole(cls, shape: tuple[int, ...], height: int, width: int) -> View:
        """Return the view of a whole H x W image at another size."""
        return cls(Axis(shape[0], height, 0, height), Axis(shape[1], width, 0, width))

    @property
    def is_identity(self) -> bool:
        """Return whether the view is the image itself."""
        return all(
            axis.size == axis.scaled == axis.count and axis.start == 0
            for axis in (self.rows, self.columns)
        )

    @property
    def size(self) -> tuple[int, int]:
        """Return height and width of the view."""
        return self.rows.count, self.columns.count
