"""Plots and images as HTML fragments that need no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.metrics.html import Html, escaped, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE: Any = {
    'font.size': 9,
    'font.family': 'sans-serif',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'grid.color': '#e3e6ea',
    'axes.axisbelow': True,
    'svg.fonttype': 'none',
    'text.parse_math': False,  # a name may hold dollars
    'svg.hashsalt': 'mmseg_ros',
}
_LARGEST_SCALE = 1.2
MAIN_COLOR = '#2563a8'
SECOND_COLOR = '#c2571a'


@dataclass(frozen=True, slots=True)
class Span:
    """A shaded stretch of a time line: start and end in seconds, what it says, its color."""

    start_s: float
    end_s: float
    text: str
    color: str


@contextmanager
def drawing(width_in: float, height_in: float, output: list[Html]) -> Iterator[Axes]:
    """Give axes to draw on and append the chart as inline SVG to `output`."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout='constrained')
        yield figure.add_subplot()
        text = io.StringIO()
        figure.savefig(text, format='svg', metadata={'Date': None, 'Creator': None})
    svg = text.getvalue()
    svg = svg[svg.index('<svg') :]
    # A page is wider than a small chart: without a limit its letters would grow with it.
    limit = f'<svg style="max-width:{_LARGEST_SCALE * width_in:g}in"'
    output.append(Html(svg.replace('<svg', limit, 1)))


def bar_chart(values: Mapping[str, float], axis_label: str, limit: float | None = None) -> Html:
    """Return a horizontal bar chart as inline SVG, the first entry on top.

    Args:
        values: Bar length per name; NaN draws no bar and says so.
        axis_label: Quantity and unit of the axis.
        limit: End of the axis; None fits it.
    """
    output: list[Html] = []
    names = [short(name) for name in values]
    lengths = np.array(list(values.values()), float)
    with drawing(7.0, 0.5 + 0.24 * len(names), output) as axes:
        rows = np.arange(len(names))[::-1]
        axes.barh(rows, np.nan_to_num(lengths), height=0.7, color=MAIN_COLOR)
        for row, length in zip(rows, lengths, strict=True):
            text = ' not in the data' if np.isnan(length) else f' {length:.3g}'
            axes.text(0.0 if np.isnan(length) else length, row, text, va='center', fontsize=8)
        axes.set_yticks(rows, names)
        axes.grid(False, axis='y')
        axes.set_xlabel(axis_label)
        axes.set_xlim(0, limit)
    return output[0]


def time_line(
    seconds: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    axis_label: str,
    spans: Sequence[Span] = (),
    low: float | None = 0.0,
    high: float | None = None,
    longest_gap_s: float = float('inf'),
) -> Html:
    """Return values over time as inline SVG.

    Args:
        seconds: N times in seconds.
        lines: N values per line; NaN leaves a gap.
        axis_label: Quantity and unit of the vertical axis.
        spans: Stretches to shade and name, such as a sensor's absence.
        low: Start of the vertical axis; None fits it.
        high: End of the vertical axis; None fits it.
        longest_gap_s: Times farther apart than this are not joined by a line.
    """
    output: list[Html] = []
    with drawing(9.0, 2.9, output) as axes:
        for span in spans:
            axes.axvspan(span.start_s, span.end_s, color=span.color, alpha=0.16, linewidth=0)
            middle = (span.start_s + span.end_s) / 2
            axes.text(
                middle,
                1.0,
                short(span.text),
                transform=axes.get_xaxis_transform(),
                ha='center',
                va='bottom',
                fontsize=8,
                color=span.color,
            )
        for (name, values), color in zip(lines.items(), _line_colors(), strict=False):
            joined = _with_gaps(seconds, values, longest_gap_s)
            axes.plot(*joined, '.-', label=short(name), color=color, markersize=3, linewidth=1)
        if len(lines) > 1:
            axes.legend(loc='best', fontsize=8, frameon=False)
        axes.set_xlabel('time in the sequence [s]')
        axes.set_ylabel(axis_label)
        axes.set_ylim(low, high)
    return output[0]


def _with_gaps(
    seconds: Sequence[float], values: Sequence[float], longest_gap_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and values with a NaN in every gap, so that no line crosses it."""
    times, heights = np.asarray(seconds, float), np.asarray(values, float)
    gaps = np.flatnonzero(np.diff(times) > longest_gap_s) + 1
    return np.insert(times, gaps, times[gaps]), np.insert(heights, gaps, np.nan)


def presence_chart(
    seconds: Sequence[float],
    present: Mapping[str, Sequence[bool]],
    period_s: float,
    axis_label: str = 'time in the sequence [s]',
) -> Html:
    """Return one strip per name, filled while it was present, as inline SVG.

    Args:
        seconds: N times in seconds.
        present: N flags per name; the first entry is drawn on top.
        period_s: How long one flag counts.
        axis_label: Quantity and unit of the axis.
    """
    output: list[Html] = []
    names = list(present)
    with drawing(9.0, 0.55 + 0.3 * len(names), output) as axes:
        for row, name in zip(range(len(names) - 1, -1, -1), names, strict=True):
            bars = [
                (t - period_s / 2, period_s)
                for t, here in zip(seconds, present[name], strict=True)
                if here
            ]
            axes.broken_barh(bars, (row - 0.32, 0.64), facecolors=MAIN_COLOR, linewidth=0)
        axes.set_yticks(range(len(names) - 1, -1, -1), [short(name) for name in names])
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(False, axis='y')
        axes.set_xlabel(axis_label)
    return output[0]


def _line_colors() -> Sequence[str]:
    return (MAIN_COLOR, SECOND_COLOR, '#3a8a4d', '#8a5aa8', '#666666')


def picture(rgb: NDArray[np.uint8], text: str, lossy: bool = False) -> Html:
    """Return an H x W x 3 uint8 RGB image as an <img> that holds its own data.

    Args:
        rgb: The pixels.
        text: What it shows, for readers who cannot see it.
        lossy: JPEG instead of PNG, for photographs.
    """
    name, options = ('.jpg', [cv2.IMWRITE_JPEG_QUALITY, 88]) if lossy else ('.png', [])
    pixels = np.ascontiguousarray(rgb[..., ::-1])
    _, data = cv2.imencode(name, pixels, options)
    kind = 'jpeg' if lossy else 'png'
    code = base64.b64encode(data.tobytes()).decode()
    return Html(f'<img alt="{escaped(text)}" src="data:image/{kind};base64,{code}">')
