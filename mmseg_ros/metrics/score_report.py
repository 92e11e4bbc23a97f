"""The report of one evaluated recording, from the content of metrics.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ros.core.subsets import subset_name
from mmseg_ros.metrics.drops import doubts_of, drop_rows
from mmseg_ros.metrics.figures import bar_chart
from mmseg_ros.metrics.misalignment_section import misalignment_section
from mmseg_ros.metrics.reliability_section import reliability_section
from mmseg_ros.metrics.report import Figure, Report, Section, Table, number, percent
from mmseg_ros.metrics.study_sections import (
    flicker_section,
    strata_section,
    time_section,
    worst_section,
)

StagePercentiles = Mapping[tuple[str, ...], Mapping[str, Mapping[str, float]]]

IOU_TEXT = (
    'IoU of a class = pixels that are it and are labeled it, divided by pixels that are it or '
    'are labeled it, summed over all scored images. mIoU is the mean over the classes that '
    'occur in truth or labels. Pixels without a true class are not scored.'
)


def score_report(
    metrics: Mapping[str, Any],
    stage_ms: StagePercentiles,
    figures: Sequence[Figure],
    worst: Sequence[Figure] = (),
) -> Report:
    """Return the page for one recording.

    Args:
        metrics: Content of metrics.json.
        stage_ms: Percentiles of the pipeline's stages in milliseconds, per subset.
        figures: One figure per set shown.
        worst: One figure per frame with a low score.
    """
    total = metrics['recorded'][0]
    bundle, bag = metrics['bundle'], metrics['bag']
    sections = [_robustness(metrics), _recorded(metrics), time_section(metrics)]
    sections += [_classes(total), strata_section(metrics), flicker_section(metrics)]
    if figures:
        sections.insert(0, Section('What it looks like', blocks=figures))
    sections += [reliability_section(metrics), worst_section(worst, total['miou'] is not None)]
    sections += [misalignment_section(metrics), _rejections(metrics), _timing(stage_ms)]
    return Report(
        title=f'{bundle["name"]} on {bag["name"]}',
        summary=(
            f'{metrics["sets"]["count"]} frames of {", ".join(bundle["modalities"])} out of '
            f'{bag["duration_s"]:.1f} s of recording, through the same collector and pipeline as '
            'the live node.' + interruption(metrics)
        ),
        key_figures=[
            ('mIoU, all frames', number(total['miou'])),
            ('pixel accuracy', percent(total['pixel_accuracy'])),
            ('labeled-point accuracy', percent(total['point_accuracy'])),
            ('worst single drop keeps', percent(_worst_drop(metrics['robustness']))),
        ],
        sections=[section for section in sections if section.blocks or section.text],
    )


def interruption(metrics: Mapping[str, Any]) -> str:
    """Return a sentence that says so where a run was ended early, after a space."""
    if 'interrupted' not in metrics:
        return ''
    return f' Interrupted after {metrics["interrupted"]["frames"]} frames.'


def _worst_drop(robustness: Sequence[Mapping[str, Any]]) -> float | None:
    kept = [row['retained'] for row in robustness if len(row['missing']) == 1]
    known = [value for value in kept if value is not None]
    return min(known) if known else None


def _robustness(metrics: Mapping[str, Any]) -> Section:
    scores = {tuple(row['available']): row for row in metrics['withheld']}
    rows = [
        [
            subset_name(row['available']),
            subset_name(row['missing']) if row['missing'] else '',
            number(row['miou']),
            percent(row['retained']),
            percent(row.get('agreement')),
            percent(scores[tuple(row['available'])]['point_accuracy']),
        ]
        for row in metrics['robustness']
    ]
    sets = metrics['withheld'][0]['sets'] if metrics['withheld'] else 0
    caption = (
        f'Each row runs the same {sets} frames (those in which every sensor was present) with the '
        'named sensors withheld from the network. Kept = mIoU divided by that of the first row. '
        'Agrees = share of all pixels with the label that all sensors together give; it needs no '
        'ground truth. ' + IOU_TEXT
    )
    header = ['given', 'withheld', 'mIoU', 'kept', 'agrees', 'point accuracy']
    return Section('When sensors are missing', blocks=[Table(header, rows, caption)])


def group_name(row: Mapping[str, Any]) -> str:
    """Return the name of a row of `recorded`: its sensors, or that it is over all frames."""
    available = row['available']
    return available if isinstance(available, str) else subset_name(available)


def _recorded(metrics: Mapping[str, Any]) -> Section:
    rows = [
        [
            group_name(row),
            str(row['sets']),
            number(row['miou']),
            percent(row['pixel_accuracy']),
            number(row['point_miou']),
            percent(row['point_accuracy']),
        ]
        for row in metrics['recorded']
    ]
    closed = ', '.join(f'{count} {reason}' for reason, count in metrics['sets']['closed'].items())
    caption = (
        'Frames grouped by the sensors that were really in them; nothing was withheld here. '
        f'Frames closed: {closed or "none"}. Labeled-point accuracy = share of the LiDAR points '
        'visible to the camera that got their true class; hidden points get none and are not '
        'scored. Truth is the label image nearest in time, at most '
        f'{metrics["sets"]["truth_offset_ns"] / 1e6:.1f} ms away.'
    )
    header = ['sensors', 'frames', 'mIoU', 'pixel accuracy', 'point mIoU', 'point accuracy']
    return Section('As recorded', blocks=[Table(header, rows, caption)])


def _classes(total: Mapping[str, Any]) -> Section:
    if total['miou'] is None:
        text = 'The recording holds no /truth/labels, so nothing could be scored.'
        return Section('Per class', text=text)
    values = {
        name: float('nan') if value is None else value
        for name, value in total['class_iou'].items()
    }
    chart = bar_chart(values, 'IoU over all frames', 1.0)
    return Section('Per class', blocks=[Figure([('', chart)], IOU_TEXT)])


def _rejections(metrics: Mapping[str, Any]) -> Section:
    rows = [[row.sensor, row.what, str(row.count), row.cause] for row in drop_rows(metrics)]
    doubts = ' '.join(doubts_of(metrics))
    if not rows:
        return Section('Data not used', text=f'All data was used. {doubts}'.strip())
    caption = 'What could not be used, how often, and the most frequent reason.'
    return Section(
        'Data not used',
        text=doubts,
        blocks=[Table(['sensor', 'what', 'count', 'reason'], rows, caption)],
    )


def _timing(stage_ms: StagePercentiles) -> Section:
    rows = [
        [subset_name(subset), stage, *(f'{values[q]:.1f}' for q in ('p50', 'p95'))]
        for subset, stages in stage_ms.items()
        for stage, values in stages.items()
    ]
    if not rows:
        return Section('Time')
    caption = (
        'Milliseconds per stage of the pipeline on this machine, median and 95th percentile over '
        'the frames. They differ from run to run and are not part of metrics.json.'
    )
    return Section('Time', blocks=[Table(['given', 'stage', 'p50', 'p95'], rows, caption)])
