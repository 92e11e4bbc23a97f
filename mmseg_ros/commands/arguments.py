"""Numbers on the command line: read within limits, so that no verb starts with absurd ones."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable

LARGEST_COUNT = 1_000_000
LARGEST_SIDE_PX = 8192
LARGEST_SEED = 2**31 - 1
MOST_PROCESSES = 1024
LARGEST_PIXEL_VALUE = 1e6
HIGHEST_RATE_HZ = 1e6
LONGEST_S = 1e9
"""Thirty years: longer than any recording."""


def whole_number(least: int, most: int = LARGEST_COUNT) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`, for argparse's `type`."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise ArgumentTypeError(
                f'must be a whole number from {least} to {most}, but is {_quoted(text)}'
            )
        return value

    return read


def real_number(
    least: float = 0.0, most: float = LONGEST_S, positive: bool = False
) -> Callable[[str], float]:
    """Return a reader of numbers from `least` to `most`, never NaN, for argparse's `type`.

    Args:
        least: Smallest value.
        most: Largest value; infinity allows it.
        positive: Whether zero is too little.
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most or (positive and value <= 0):
            bounds = f'above 0 and up to {most:g}' if positive else f'from {least:g} to {most:g}'
            raise ArgumentTypeError(f'must be a number {bounds}, but is {_quoted(text)}')
        return value

    return read


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + '...')
