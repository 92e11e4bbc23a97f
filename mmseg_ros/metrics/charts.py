"""Charts of evaluation: reliability, intervals, and the matrix of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.metrics.figures import MAIN_COLOR, SECOND_COLOR, drawing
from mmseg_ros.metrics.html import Html, short


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its interval; NaN ends draw none."""

    value: float
    low: float
    high: float


def interval_chart(values: Mapping[str, Interval], axis_label: str) -> Html:
    """Return values with their intervals as inline SVG, the first on top.

    Args:
        values: By name; a NaN value draws nothing and says so.
        axis_label: Quantity and unit of the axis.
    """
    output: list[Html] = []
    rows = np.arange(len(values))[::-1]
    with drawing(7.0, 0.6 + 0.24 * len(values), output) as axes:
        axes.axvline(0.0, color='#888888', linewidth=1)
        for row, item in zip(rows, values.values(), strict=True):
            sure = item.low > 0 or item.high < 0
            color = SECOND_COLOR if sure else MAIN_COLOR
            if np.isnan(item.value):
                axes.text(0.0, row, ' not in both', va='center', fontsize=8)
                continue
            axes.plot([item.low, item.high], [row, row], color=color, linewidth=2)
            axes.plot([item.value], [row], 'o', color=color, markersize=4)
        axes.set_yticks(rows, [short(name) for name in values])
        axes.set_ylim(-0.6, len(values) - 0.4)
        axes.grid(False, axis='y')
        axes.set_xlabel(axis_label)
    return output[0]


def reliability_chart(bins: Sequence[Mapping[str, Any]]) -> Html:
    """Return accuracy over confidence as inline SVG, with the share of pixels per bin.

    Args:
        bins: As of `Reliability.plain`.
    """
    output: list[Html] = []
    total = sum(row['pixels'] for row in bins) or 1
    filled = [row for row in bins if row['pixels']]
    with drawing(5.0, 3.6, output) as axes:
        axes.bar(
            [(row['low'] + row['high']) / 2 for row in bins],
            [row['pixels'] / total for row in bins],
            width=[0.94 * (row['high'] - row['low']) for row in bins],
            color='#c9d3df',
            label='share of pixels',
        )
        axes.plot([0, 1], [0, 1], '--', color='#888888', linewidth=1, label='as sure as right')
        axes.plot(
            [row['confidence'] for row in filled],
            [row['accuracy'] for row in filled],
            'o-',
            color=MAIN_COLOR,
            label='accuracy',
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel('confidence of the label')
        axes.set_ylabel('share')
        axes.legend(loc='upper left', fontsize=8, frameon=False)
    return output[0]


def share_matrix(
    rows: Sequence[str], columns: Sequence[str], values: NDArray[np.float64], axis_label: str
) -> Html:
    """Return a matrix of shares as inline SVG, dark where little is kept.

    Args:
        rows: R names.
        columns: C names.
        values: R x C shares, 1 keeps everything; NaN is left white.
        axis_label: What a cell is.
    """
    output: list[Html] = []
    with drawing(2.6 + 0.95 * len(columns), 0.8 + 0.3 * len(rows), output) as axes:
        axes.imshow(np.clip(values, 0, 1), cmap='RdYlGn', vmin=0, vmax=1, aspect='auto')
        for (i, j), value in np.ndenumerate(values):
            if not np.isnan(value):
                color = 'black' if 0.15 < value < 0.9 else 'white'
                axes.text(
                    j, i, f'{100 * value:.0f}', ha='center', va='center', fontsize=8, color=color
                )
        axes.set_xticks(range(len(columns)), [short(name) for name in columns])
        axes.set_yticks(range(len(rows)), [short(name) for name in rows])
        axes.tick_params(length=0)
        axes.grid(False)
        axes.set_xlabel(axis_label)
    return output[0]
