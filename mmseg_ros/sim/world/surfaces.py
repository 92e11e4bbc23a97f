"""What faces are made of: class, texture, color, gloss, infrared reflectivity."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import load_label_space


class Texture(IntEnum):
    """Procedural textures that the shader knows."""

    PLAIN = 0
    ASPHALT = 1
    PAVING = 2
    BRICK = 3
    FACADE = 4
    GRASS = 5
    FOLIAGE = 6
    BARK = 7
    WATER = 8
    GLASS = 9
    STRIPES = 10
    GRAVEL = 11
    CORRUGATED = 12
    TILES = 13
    SIGN = 14
    MESH_FENCE = 15
    WORN_PAINT = 16
    CLOTH = 17


SURFACE_DTYPE = np.dtype(
    [
        ('label', 'u1'),
        ('texture', 'i4'),
        ('color', 'f4', (3,)),
        ('second', 'f4', (3,)),
        ('scale', 'f4'),
        ('gloss', 'f4'),
        ('emission', 'f4'),
        ('reflectivity', 'f4'),
    ]
)
"""One surface: class id, texture, two linear colors 0..1, texture scale in meters, mirror share
0..1, light given off (1 = a sunlit white wall) and reflectivity at 905 nm (0..1)."""


class SurfaceTable:
    """Collects the surfaces of one scene; equal surfaces share a row."""

    def __init__(self) -> None:
        self._labels = load_label_space()
        self._rows: list[tuple[Any, ...]] = []
        self._index: dict[tuple[Any, ...], int] = {}

    def add(
        self,
        class_name: str,
        color: Sequence[float],
        *,
        texture: Texture = Texture.PLAIN,
        second: Sequence[float] = (0.0, 0.0, 0.0),
        scale: float = 1.0,
        gloss: float = 0.0,
        emission: float = 0.0,
        reflectivity: float = 0.3,
    ) -> int:
        """Return the id of a surface; colors are sRGB 0..1 (see SURFACE_DTYPE for the rest)."""
        row = (
            self._labels.class_id(class_name),
            int(texture),
            _linear(color),
            _linear(second),
            float(scale),
            float(gloss),
            float(emission),
            float(reflectivity),
        )
        if row not in self._index:
            self._index[row] = len(self._rows)
            self._rows.append(row)
        return self._index[row]

    def array(self) -> NDArray[Any]:
        """Return the table as a structured array of SURFACE_DTYPE."""
        return np.array(self._rows, SURFACE_DTYPE)


def _linear(color: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(round(max(c, 0.0) ** 2.2, 5)) for c in color)
    return red, green, blue
