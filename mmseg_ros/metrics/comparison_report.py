"""The difference of two evaluations as text, as plain values and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg_ros.metrics.bootstrap import PairedScore
from mmseg_ros.metrics.charts import Interval, interval_chart
from mmseg_ros.metrics.metrics import rounded
from mmseg_ros.metrics.report import Figure, Report, Section, Table, number

_FEW_FRAMES = 30
Scores = Mapping[str, PairedScore]


def plain(scores: Scores) -> list[dict[str, Any]]:
    """Return one row of JSON-ready values per score."""
    return [
        {
            'metric': name,
            'a': rounded(score.a),
            'b': rounded(score.b),
            'difference': rounded(score.difference),
            'low': rounded(score.low),
            'high': rounded(score.high),
            'verdict': score.verdict,
        }
        for name, score in scores.items()
    ]


def table_text(scores: Scores, level: float, frames: int) -> str:
    """Return the scores as lines of text, with a warning where there are few frames."""
    width = max([28, *map(len, scores)])
    lines = [f'{"":{width}} {"A":>7} {"B":>7} {"B - A":>8}  {100 * level:g} % interval\n']
    for name, score in scores.items():
        interval = f'{_signed(score.low)} to {_signed(score.high)}'
        lines.append(
            f'{name:{width}} {number(score.a):>7} {number(score.b):>7} '
            f'{_signed(score.difference):>8}  {interval}  {score.verdict}\n'
        )
    lines.append(f'{frames} frames. {_caution(frames)}\n')
    return ''.join(lines)


def comparison_report(
    a: Mapping[str, Any], b: Mapping[str, Any], scores: Scores, level: float, resamples: int
) -> Report:
    """Return the page of a comparison.

    Args:
        a: Content of the first metrics.json.
        b: Of the second.
        scores: By name.
        level: Share inside the intervals.
        resamples: How often frames were drawn.
    """
    frames = len(a['frames'])
    caption = (
        f'B - A with its {100 * level:g} % interval: the same {frames} frames were drawn with '
        f'replacement from both runs, {resamples} times, and each score was computed from the '
        'summed counts of what was drawn. better/worse = the interval excludes 0. '
        f'{_caution(frames)}'
    )
    rows = [
        [name, number(s.a), number(s.b), _signed(s.difference), _signed(s.low), _signed(s.high),
         s.verdict]
        for name, s in scores.items()
    ]  # fmt: skip
    header = ['score', 'A', 'B', 'B - A', 'low', 'high', 'verdict']
    chart = interval_chart(
        {name: Interval(s.difference, s.low, s.high) for name, s in scores.items()}, 'B - A'
    )
    miou = scores.get('miou')
    keys = [(name, number(value)) for name, value in _key_values(miou)]
    return Report(
        title=f'{_source(b)} compared with {_source(a)}',
        summary=f'A is {_source(a)}, B is {_source(b)}, on the same {frames} frames.',
        key_figures=[*keys, ('mIoU', miou.verdict if miou else 'unknown')],
        sections=[
            Section('Differences', blocks=[Figure([('', chart)], caption)]),
            Section('Scores', blocks=[Table(header, rows, caption)]),
        ],
    )


def _key_values(miou: PairedScore | None) -> list[tuple[str, float | None]]:
    if miou is None:
        return [('mIoU of A', None), ('mIoU of B', None)]
    return [('mIoU of A', miou.a), ('mIoU of B', miou.b)]


def _source(metrics: Mapping[str, Any]) -> str:
    place = metrics.get('bag') or metrics.get('dataset') or {}
    return f'{metrics["bundle"].get("name", "?")} on {place.get("name", "?")}'


def _caution(frames: int) -> str:
    text = (
        'Frames of one sequence resemble their neighbors, so the true uncertainty is larger than '
        'these intervals.'
    )
    return f'Few frames: intervals are rough. {text}' if frames < _FEW_FRAMES else text


def _signed(value: float) -> str:
    return '–' if value != value else f'{value:+.4f}'
