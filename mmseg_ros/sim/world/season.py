"""Seasons: what colors leaves and grass, and which trees are bare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Season:
    """One time of the year.

    Attributes:
        leaves: Colors of foliage, sRGB 0..1. grass: Colors of grass.
        bare: Share of the broad-leaved trees without leaves.
    """

    leaves: tuple[Color, ...]
    grass: tuple[Color, ...]
    bare: float


SEASONS: dict[str, Season] = {
    'spring': Season(
        ((0.34, 0.46, 0.14), (0.40, 0.50, 0.18), (0.28, 0.42, 0.14), (0.72, 0.58, 0.60)),
        ((0.36, 0.46, 0.18), (0.32, 0.44, 0.16)),
        0.15,
    ),
    'summer': Season(
        ((0.22, 0.36, 0.12), (0.16, 0.30, 0.12), (0.30, 0.40, 0.14), (0.36, 0.38, 0.12)),
        ((0.36, 0.42, 0.20), (0.40, 0.43, 0.22), (0.50, 0.46, 0.28)),
        0.0,
    ),
    'autumn': Season(
        ((0.58, 0.40, 0.10), (0.55, 0.25, 0.08), (0.38, 0.38, 0.12), (0.45, 0.30, 0.12)),
        ((0.42, 0.40, 0.20), (0.46, 0.40, 0.24)),
        0.2,
    ),
    'winter': Season(
        ((0.16, 0.24, 0.13), (0.24, 0.26, 0.16)),
        ((0.46, 0.42, 0.30), (0.40, 0.38, 0.26), (0.78, 0.79, 0.82)),
        0.8,
    ),
}


def draw_season(rng: np.random.Generator) -> Season:
    """Return a season; summer comes more often than the rest."""
    return SEASONS[str(rng.choice(list(SEASONS), p=[0.22, 0.4, 0.2, 0.18]))]


def varied(rng: np.random.Generator, color: Color, spread: float = 0.12) -> Color:
    """Return the color a little lighter or darker and of another tint, within 0.03..0.95."""
    light = 1.0 + rng.uniform(-spread, spread)
    red, green, blue = np.clip(
        np.asarray(color) * light * (1.0 + rng.uniform(-spread / 2, spread / 2, 3)), 0.03, 0.95
    )
    return float(red), float(green), float(blue)
