"""What check-data found in a data set with text prompts, as text and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.datasets.check_prompts import PromptExample, PromptReport
from mmseg_ros.labelling.image_files import write_image
from mmseg_ros.metrics.figures import picture as embedded
from mmseg_ros.metrics.html import Html, readable
from mmseg_ros.metrics.report import Figure, Report, Section, Table, percent

_LISTED = 50
_WIDTH = 480
_MARK = np.array([255, 40, 40], np.float64)


def prompt_text_of(report: PromptReport) -> str:
    """Return one split as lines for a terminal."""
    if report.error:
        return f'{report.split}: not checked: {report.error}\n'
    mean, longest = _words(report)
    plane = report.plane.plain()
    lines = [
        f'{report.split}: {report.objects} masks, {report.prompts} text prompts of {mean:.1f} '
        f'words (at most {longest}), {len(report.image_names)} images',
        *(f'  {name:24} {count} masks' for name, count in report.share_rows()),
        f'  rgb: mean {plane["mean"]}, std {plane["std"]}',
    ]
    for what, items in _problems(report):
        lines += [f'  {what}: {item}' for item in items[:_LISTED]]
        if len(items) > _LISTED:
            lines.append(f'  {what}: {len(items) - _LISTED} more, see data.json')
    return '\n'.join([*lines, ''])


def prompt_page_of(
    root: Path, reports: Sequence[PromptReport], shared: Mapping[str, int]
) -> Report:
    """Return the page of a data set; `shared` is what `shared_images` found."""
    masks = sum(report.objects for report in reports)
    prompts = sum(report.prompts for report in reports)
    bad = sum(len(items) for report in reports for _, items in _problems(report))
    sections = [_section(report) for report in reports]
    if shared:
        rows = [[names, str(count)] for names, count in shared.items()]
        table = Table(['splits', 'images'], rows, 'Scores of one do not judge the other fairly.')
        sections.append(Section('Images in two splits', '', [table]))
    return Report(
        title=f'Data set {root.name}',
        summary=f'{masks} masks with {prompts} text prompts.',
        key_figures=[
            ('masks', str(masks)),
            ('text prompts', str(prompts)),
            ('problems', str(bad)),
        ],
        sections=sections,
    )


def write_prompt_overlays(reports: Sequence[PromptReport], folder: Path) -> None:
    """Write a PNG per example: the mask over the image."""
    for report in reports:
        for number, example in enumerate(report.examples):
            path = folder / f'{report.split}_{number}.png'
            write_image(path, _marked(example), durable=False)


def _words(report: PromptReport) -> tuple[float, int]:
    total = max(sum(report.words.values()), 1)
    return sum(n * c for n, c in report.words.items()) / total, max(report.words, default=0)


def _problems(report: PromptReport) -> list[tuple[str, list[str]]]:
    return [
        ('missing', report.missing),
        ('damaged', report.damaged),
        ('mask without a pixel', report.empty),
    ]


def _section(report: PromptReport) -> Section:
    if report.error:
        return Section(report.split, f'Not checked: {report.error}')
    total = max(sum(report.shares.values()), 1)
    masks = [[name, str(count), percent(count / total)] for name, count in report.share_rows()]
    words = [[str(count), str(report.words[count])] for count in sorted(report.words)]
    problems = [
        [what, readable(item, 400)]
        for what, items in _problems(report)
        for item in items[:_LISTED]
    ]
    blocks: list[Table | Figure] = [
        Table(['mask covers', 'masks', 'share'], masks, 'Of all masks that were read.'),
        Table(['words', 'text prompts'], words, 'Words between spaces.'),
    ]
    if problems:
        blocks.append(Table(['problem', 'what'], problems, f'The first {_LISTED} of each kind.'))
    if report.examples:
        pictures = [(readable(item.sentence, 80), _embedded(item)) for item in report.examples]
        blocks.append(Figure(pictures, 'The mask over the image, under its text prompt.'))
    sizes = ', '.join(f'{h} x {w} ({n})' for (h, w), n in report.sizes.most_common(8))
    summary = f'{report.objects} masks on {len(report.image_names)} images; sizes: {sizes}.'
    return Section(report.split, summary, blocks)


def _embedded(example: PromptExample) -> Html:
    picture = _marked(example)
    height = max(round(picture.shape[0] * _WIDTH / picture.shape[1]), 1)
    shrunk = cv2.resize(picture, (_WIDTH, height), interpolation=cv2.INTER_AREA)
    return embedded(np.asarray(shrunk, np.uint8), example.name, lossy=True)


def _marked(example: PromptExample) -> NDArray[np.uint8]:
    shown = example.image.copy()
    inside = shown[example.mask]
    shown[example.mask] = (0.5 * inside + 0.5 * _MARK).astype(np.uint8)
    return shown
