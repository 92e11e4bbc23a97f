"""Parts of a recording's report: over time, by distance and size, flicker, worst frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from mmseg_ros.metrics.bootstrap import ratio
from mmseg_ros.metrics.figures import Span, presence_chart, time_line
from mmseg_ros.metrics.frame_counts import totals
from mmseg_ros.metrics.report import Figure, Section, Table, number, percent

_OUTAGE_COLOR = '#b03a3a'
_NS = 1e9


def time_section(metrics: Mapping[str, Any]) -> Section:
    """Return mIoU and accuracy of every frame over time, with the stretches of missing sensors."""
    frames = metrics['frames']
    if len(frames) < 2:
        return Section('Over time')
    stamps = np.array([int(frame['name']) for frame in frames], np.int64)
    seconds = ((stamps - stamps[0]) / _NS).tolist()
    modalities = metrics['bundle']['modalities']
    present = {
        name: [name in frame['available'].split('+') for frame in frames] for name in modalities
    }
    period_s = float(np.median(np.diff(seconds)))
    blocks = []
    classes, correct = totals(frames, '', len(metrics['label_space']['classes']))
    if correct[:, 1].any():
        with np.errstate(invalid='ignore'):
            shares = ratio(classes)
            known = ~np.isnan(shares)
            miou = np.where(known, shares, 0).sum(1) / np.maximum(known.sum(1), 1)
        miou[~known.any(axis=1)] = np.nan
        chart = time_line(
            seconds,
            {'mIoU of the frame': miou.tolist(), 'pixel accuracy': ratio(correct).tolist()},
            'share',
            outages(seconds, present, period_s),
            high=1.0,
            longest_gap_s=5 * period_s,
        )
        caption = (
            'Scores of each frame alone: mIoU over the classes in its truth or labels, and the '
            'share of its pixels with the right class. Shaded: frames without the named sensor. '
            'Time is since the first frame.'
        )
        blocks.append(Figure([('', chart)], caption))
    strips = presence_chart(seconds, present, period_s)
    blocks.append(Figure([('', strips)], 'Frames in which each sensor was used by the network.'))
    return Section('Over time', blocks=blocks)


def outages(
    seconds: Sequence[float], present: Mapping[str, Sequence[bool]], period_s: float
) -> list[Span]:
    """Return the stretches of frames that lack sensors, named by the sensors.

    Args:
        seconds: N times.
        present: N flags per sensor.
        period_s: Time between two frames.
    """
    missing = [
        ', '.join(name for name, flags in present.items() if not flags[i])
        for i in range(len(seconds))
    ]
    spans = []
    for text, group in groupby(range(len(seconds)), key=lambda i: missing[i]):
        places = list(group)
        if text:
            start_s, end_s = seconds[places[0]], seconds[places[-1]]
            spans.append(
                Span(start_s - period_s / 2, end_s + period_s / 2, f'no {text}', _OUTAGE_COLOR)
            )
    return spans


def strata_section(metrics: Mapping[str, Any]) -> Section:
    """Return the scores by distance and by size of the object."""
    kinds = {
        'distance_points': (
            'LiDAR points by their range from the sensor. mIoU and accuracy of the points that '
            'the camera sees, with the sensors as they were.'
        ),
        'distance_pixels': (
            'Pixels by the depth that the depth sensor measured there; where it measured nothing, '
            'nothing is counted.'
        ),
        'object_size': (
            'Pixels by the size of the object that they belong to, as a share of the image. An '
            'object is a connected region of one class in the true label image, so touching '
            'objects of one class count as one. Accuracy = share of their pixels with the right '
            'class; mIoU counts wrong labels only where they fall on objects of that size.'
        ),
    }
    blocks = []
    for key, caption in kinds.items():
        rows = [
            [row['bin'], str(row['count']), number(row['miou']), percent(row['accuracy'])]
            for row in metrics.get(key, ())
        ]
        if any(row['count'] for row in metrics.get(key, ())):
            first = 'object size' if key == 'object_size' else 'distance'
            what = 'points' if key == 'distance_points' else 'pixels'
            blocks.append(Table([first, what, 'mIoU', 'accuracy'], rows, caption))
    return Section('Near and far, small and large', blocks=blocks)


def flicker_section(metrics: Mapping[str, Any]) -> Section:
    """Return how often labels of points that stand still change."""
    flicker = metrics.get('flicker', {})
    rows = [
        [text, str(flicker[key]['points']), percent(flicker[key]['changed'])]
        for key, text in (
            ('all', 'all points that stand still'),
            ('true_class_same', 'those whose true class is the same in both frames'),
        )
        if flicker.get(key, {}).get('points')
    ]
    if not rows:
        return Section(
            'Flicker', text='Not known: it needs LiDAR points and /odom in two frames in a row.'
        )
    caption = (
        'Share of points whose label differs from that in the frame before. Points are moved into '
        'a fixed frame with the odometry; a cell of 0.2 m that holds points in both frames counts '
        'as one point that stands still. Slow objects may pass as standing still, so ground truth '
        'gives the second row where there is some.'
    )
    table = Table(['points', 'compared', 'label changed'], rows, caption)
    return Section('Flicker', blocks=[table])


def worst_section(worst: Sequence[Figure], has_truth: bool) -> Section:
    """Return the pictures of the worst frames."""
    if not worst:
        return Section('Worst frames')
    by = 'mIoU of the frame alone' if has_truth else 'mean confidence, as there is no truth'
    text = f'The {len(worst)} frames with the lowest {by}, the lowest first.'
    return Section('Worst frames', text=text, blocks=worst)
