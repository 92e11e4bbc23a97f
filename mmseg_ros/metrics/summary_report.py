"""One page over all sources and bundles of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from mmseg_ros.metrics.figures import bar_chart
from mmseg_ros.metrics.html import Html, escaped, readable
from mmseg_ros.metrics.report import Figure, Report, Section, Table, number, percent

CAPTION = (
    'One row per source and bundle, best first. mIoU = mean over the classes of the pixels that '
    'are and are labeled so, divided by those that are or are labeled so, over all scored frames. '
    'Pixels right = share of scored pixels with their true class. ECE = expected calibration '
    'error of the confidence, 0 is best. Point mIoU = the same of labeled LiDAR points. Worst '
    'subset keeps = smallest share of the mIoU that is kept when sensors are withheld. A dash: '
    'not scored or not in the data.'
)


def summary_report(
    rows: Sequence[Mapping[str, Any]], agreements: Sequence[Mapping[str, Any]], note: str
) -> Report:
    """Return the page.

    Args:
        rows: One per pair, as in summary.csv, with `page`: its report relative to this page.
        agreements: Source, two bundles, frames and agreement.
        note: Why there is no agreement; '' where there is.
    """
    ranked = sorted(rows, key=lambda row: -(row.get('miou') or -1.0))
    done = [row for row in ranked if not row['fault']]
    best = done[0] if done else {}
    bars = {
        f'{i}  {_name(row)}': float('nan') if row['miou'] is None else row['miou']
        for i, row in enumerate(done, 1)
    }
    blocks = [Table(_HEADER, [_cells(row) for row in ranked], CAPTION)]
    chart = Figure([('', bar_chart(bars, 'mIoU over all frames', 1.0))], 'mIoU of the same rows.')
    return Report(
        title='Evaluation',
        summary=f'{len(done)} of {len(rows)} pairs of source and bundle were scored.',
        key_figures=[
            ('pairs scored', f'{len(done)} of {len(rows)}'),
            ('best mIoU', number(best.get('miou'))),
            ('by', str(best.get('bundle', '–'))),
        ],
        sections=[
            Section('All pairs', blocks=[*blocks, *([chart] if done else [])]),
            *_failed([row for row in ranked if row['fault']]),
            _agreement(agreements, note),
        ],
    )


def _name(row: Mapping[str, Any]) -> str:
    """Return source and bundle, each without its folders and short enough for a chart."""
    return ', '.join(readable(PurePath(row[key]).name, 24) for key in ('source', 'bundle'))


_HEADER = (
    'source', 'bundle', 'frames', 'mIoU', 'pixels right', 'ECE', 'point mIoU',
    'worst subset keeps', 'report',
)  # fmt: skip


def _cells(row: Mapping[str, Any]) -> list[str]:
    if row['fault']:
        return [row['source'], row['bundle'], *['–'] * 6, 'failed']
    link = Html(f'<a href="{escaped(row["page"])}">report</a>')
    return [
        row['source'],
        row['bundle'],
        str(row['frames']),
        number(row['miou']),
        percent(row['pixel_accuracy']),
        percent(row['ece']),
        number(row['point_miou']),
        percent(row['worst_subset_keeps']),
        link,
    ]


def _failed(rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Return what failed and why; nothing where all was scored."""
    if not rows:
        return []
    cells = [[f'{row["source"]} with {row["bundle"]}', row['fault']] for row in rows]
    table = Table(['pair', 'why'], cells, 'What could not be scored; the others are unaffected.')
    return [Section('Failed', blocks=[table])]


def _agreement(agreements: Sequence[Mapping[str, Any]], note: str) -> Section:
    title = 'Do the bundles agree?'
    if not agreements:
        return Section(title, text=note)
    rows = [
        [row['source'], row['a'], row['b'], str(row['frames']), percent(row['agreement'])]
        for row in agreements
    ]
    caption = (
        'Share of the pixels that two bundles label alike, on the frames that both labeled. It '
        'needs no ground truth: much agreement does not say that both are right, little says that '
        'one is wrong.'
    )
    header = ['source', 'bundle A', 'bundle B', 'frames', 'agree']
    return Section(title, blocks=[Table(header, rows, caption)])
