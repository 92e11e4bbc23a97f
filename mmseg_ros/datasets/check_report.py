"""What check-data found, as text and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import RGB
from mmseg_ros.datasets.check import SplitReport
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.labelling.colors import overlay
from mmseg_ros.labelling.image_files import write_image
from mmseg_ros.metrics.figures import picture as embedded
from mmseg_ros.metrics.html import Html, readable
from mmseg_ros.metrics.report import Figure, Report, Section, Table, percent

_LISTED = 50
_WIDTH = 480


def text_of(report: SplitReport, space: LabelSpace) -> str:
    """Return one split as lines for a terminal."""
    if report.error:
        return f'{report.split}: not checked: {report.error}\n'
    sizes = ', '.join(f'{h} x {w} ({n})' for (h, w), n in sorted(report.sizes.items()))
    lines = [f'{report.split}: {report.frames} frames of {sizes or "no readable size"}']
    total = max(int(report.label_pixels.sum()), 1)
    for name, pixels in zip([*space.names, 'ignored'], report.label_pixels, strict=True):
        lines.append(f'  {name:24} {100 * pixels / total:7.3f} %  {pixels} px')
    for name, stats in report.planes.items():
        plain = stats.plain()
        lines.append(
            f'  {name}: mean {plain["mean"]}, std {plain["std"]}, '
            f'{100 * plain["filled"]:.1f} % of the pixels are not black'
        )
    for what, items in _problems(report):
        lines += [f'  {what}: {item}' for item in items[:_LISTED]]
        if len(items) > _LISTED:
            lines.append(f'  {what}: {len(items) - _LISTED} more, see data.json')
    return '\n'.join([*lines, ''])


def page_of(root: Path, reports: Sequence[SplitReport], space: LabelSpace) -> Report:
    """Return the page of a data set with its overlays."""
    frames = sum(report.frames for report in reports)
    bad = sum(len(items) for report in reports for _, items in _problems(report))
    return Report(
        title=f'Data set {root.name}',
        summary=f'{frames} frames with the {space.num_classes} classes of {space.id}.',
        key_figures=[('frames', str(frames)), ('problems', str(bad))],
        sections=[_section(report, space) for report in reports],
    )


def write_overlays(reports: Sequence[SplitReport], space: LabelSpace, folder: Path) -> list[Path]:
    """Write a PNG per example: labels over the camera image, then every plane."""
    paths = []
    for report in reports:
        for number, frame in enumerate(report.examples):
            path = folder / f'{report.split}_{number}.png'
            write_image(path, _picture(frame, space), durable=False)
            paths.append(path)
    return paths


def _problems(report: SplitReport) -> list[tuple[str, list[str]]]:
    return [
        ('missing', [str(path) for path in report.missing]),
        ('damaged', report.damaged),
        ('without labels', report.unlabeled),
    ]


def _section(report: SplitReport, space: LabelSpace) -> Section:
    if report.error:
        return Section(report.split, f'Not checked: {report.error}')
    total = max(int(report.label_pixels.sum()), 1)
    names = [*space.names, 'ignored']
    classes = [
        [name, str(pixels), percent(pixels / total)]
        for name, pixels in zip(names, report.label_pixels.tolist(), strict=True)
    ]
    planes = [
        [name, *(str(stats.plain()[key]) for key in ('mean', 'std', 'filled'))]
        for name, stats in report.planes.items()
    ]
    problems = [
        [what, readable(item, 400)]
        for what, items in _problems(report)
        for item in items[:_LISTED]
    ]
    blocks: list[Table | Figure] = [
        Table(['class', 'pixels', 'share'], classes, 'Labels of all frames that were read.'),
        Table(
            ['modality', 'mean', 'deviation', 'not black'],
            planes,
            'Over all pixels, scaled to 0..1.',
        ),
    ]
    if problems:
        blocks.append(Table(['problem', 'what'], problems, f'The first {_LISTED} of each kind.'))
    if report.examples:
        pictures = [(f.name, _embedded(f, space)) for f in report.examples]
        blocks.append(Figure(pictures, 'Labels over the first plane, then every plane.'))
    sizes = ', '.join(f'{h} x {w} ({n})' for (h, w), n in sorted(report.sizes.items()))
    return Section(report.split, f'{report.frames} frames; sizes: {sizes}.', blocks)


def _embedded(frame: LabelledFrame, space: LabelSpace) -> Html:
    picture = _picture(frame, space)
    height = max(round(picture.shape[0] * _WIDTH * 2 / picture.shape[1]), 1)
    size = (_WIDTH * 2, height)
    shrunk = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return embedded(shrunk, frame.name, lossy=True)


def _picture(frame: LabelledFrame, space: LabelSpace) -> NDArray[np.uint8]:
    first = frame.modalities.index(RGB) if RGB in frame.modalities else 0
    shown = overlay(np.ascontiguousarray(frame.images[first]), frame.labels, space)
    return np.concatenate([shown, *frame.images], axis=1)
