"""The report of one evaluated data set, from the content of metrics.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ros.core.subsets import subset_name
from mmseg_ros.metrics.figures import bar_chart
from mmseg_ros.metrics.reliability_section import reliability_section
from mmseg_ros.metrics.report import Figure, Report, Section, Table, number, percent
from mmseg_ros.metrics.score_report import IOU_TEXT, interruption
from mmseg_ros.metrics.study_sections import strata_section, worst_section


def data_set_report(metrics: Mapping[str, Any], worst: Sequence[Figure] = ()) -> Report:
    """Return the page for one data set.

    Args:
        metrics: Content of metrics.json.
        worst: One figure per frame with a low score.
    """
    rows, dataset = metrics['scores'], metrics['dataset']
    sections = [
        _conditions(metrics),
        _agreement(metrics),
        _classes(rows[0]),
        strata_section(metrics),
        reliability_section(metrics),
        worst_section(worst, has_truth=True),
    ]
    return Report(
        title=f'{metrics["bundle"]["name"]} on {dataset["name"]}',
        summary=(
            f'{dataset["frames"]} labeled frames of the split {dataset["split"]}.'
            + interruption(metrics)
        ),
        key_figures=[
            ('mIoU, all sensors', number(rows[0]['miou'])),
            ('pixel accuracy', percent(rows[0]['pixel_accuracy'])),
            ('calibration error (ECE)', percent(rows[0]['ece'])),
        ],
        sections=[section for section in sections if section.blocks or section.text],
    )


def _conditions(metrics: Mapping[str, Any]) -> Section:
    rows = metrics['scores']
    conditions = list(dict.fromkeys(row['condition'] for row in rows))
    table = {(row['condition'], subset_name(row['available'])): row for row in rows}
    subsets = dict.fromkeys(subset_name(row['available']) for row in rows)
    frames = {row['condition']: str(row['frames']) for row in rows}
    cells = [['frames', *(frames[name] for name in conditions), '']]
    for subset in subsets:
        scores = [number(table[name, subset]['miou']) for name in conditions]
        cells.append([subset, *scores, _kept(table, conditions[0], subset, next(iter(subsets)))])
    caption = (
        'mIoU per condition, with the named sensors given to the network and the others withheld. '
        f'Kept = mIoU over all frames divided by that of the first subset. {IOU_TEXT}'
    )
    return Section(
        'Conditions and sensors', blocks=[Table(['given', *conditions, 'kept'], cells, caption)]
    )


def _agreement(metrics: Mapping[str, Any]) -> Section:
    rows = [[name, percent(value)] for name, value in metrics.get('agreement', {}).items()]
    caption = (
        'Share of all pixels with the label that all sensors together give; it needs no ground '
        'truth.'
    )
    table = Table(['given', 'agrees'], rows, caption)
    return Section('Agreement with all sensors', blocks=[table])


def _kept(
    table: Mapping[tuple[str, str], Mapping[str, Any]], condition: str, subset: str, full: str
) -> str:
    part, whole = (table[condition, name]['miou'] for name in (subset, full))
    return percent(part / whole if part is not None and whole else None)


def _classes(row: Mapping[str, Any]) -> Section:
    values = {
        name: float('nan') if value is None else value for name, value in row['class_iou'].items()
    }
    chart = bar_chart(values, 'IoU over all frames', 1.0)
    return Section('Per class', blocks=[Figure([('', chart)], IOU_TEXT)])
