"""A look at every mask and image of a data set with text prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.check import OVERLAYS, PlaneStatistics, Progress
from mmseg_ros.datasets.refer import ReferringSource, ReferringTarget

SHARES = (0.0, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Edges of the share of the image that a mask covers."""


@dataclass(frozen=True, slots=True)
class PromptExample:
    """An image H x W x 3 uint8 with one H x W bool mask and a text prompt that means it."""

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    sentence: str


@dataclass
class PromptReport:
    """What was found in one split.

    Attributes:
        split: Its name. objects: Masks in it. prompts: Sentences about them, of those read.
        image_names: Images that were looked at.
        missing: Images that are not there. damaged: Why a mask or an image cannot be read.
        empty: Masks without a pixel, by image and first text prompt.
        sizes: (height, width) -> images. shares: Masks per interval of `SHARES`.
        words: Words of a text prompt -> text prompts.
        plane: Statistics of the images. examples: Up to five, evenly spaced.
        error: Why the split cannot be opened at all.
    """

    split: str
    objects: int = 0
    prompts: int = 0
    image_names: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    shares: Counter[int] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)
    plane: PlaneStatistics = field(default_factory=PlaneStatistics)
    examples: list[PromptExample] = field(default_factory=list)
    error: str = ''

    @property
    def is_sound(self) -> bool:
        """Return whether every mask and image can be read and no mask is empty."""
        return not (self.missing or self.damaged or self.empty or self.error)

    def share_rows(self) -> Iterator[tuple[str, int]]:
        """Yield each interval of the share of the image in words, and its number of masks."""
        for i, (low, high) in enumerate(pairwise(SHARES)):
            yield f'{100 * low:g}-{100 * high:g} % of the image', self.shares[i]

    def plain(self) -> dict[str, Any]:
        """Return the content of data.json for this split."""
        return {
            'split': self.split,
            'objects': self.objects,
            'prompts': self.prompts,
            'images': len(self.image_names),
            'sizes': {f'{h} x {w}': count for (h, w), count in sorted(self.sizes.items())},
            'masks': dict(self.share_rows()),
            'words': {str(count): self.words[count] for count in sorted(self.words)},
            'statistics': {'rgb': self.plane.plain()},
            'missing': self.missing,
            'damaged': self.damaged,
            'empty': self.empty,
            'error': self.error,
        }


def check_prompts(
    source: ReferringSource, split: str, every: int = 1, progress: Progress | None = None
) -> PromptReport:
    """Read every n-th mask of a split, and each image once.

    Args:
        source: The split.
        split: Its name.
        every: 1 reads all.
        progress: Called with masks done and in all.
    """
    report = PromptReport(split, len(source))
    chosen = range(0, len(source), every)
    shown = set(np.linspace(0, len(chosen) - 1, min(OVERLAYS, len(chosen))).astype(int).tolist())
    for done, index in enumerate(chosen):
        try:
            target = source.target(index)
        except DatasetError as error:
            report.damaged.append(str(error))
        else:
            _count(report, target)
            _look(report, source, target, show=done in shown)
        if progress is not None:
            progress(done + 1, len(chosen))
    return report


def shared_images(reports: list[PromptReport]) -> dict[str, int]:
    """Return how many images two splits have in common, as far as they have any."""
    found = {}
    for i, first in enumerate(reports):
        for second in reports[i + 1 :]:
            count = len(first.image_names & second.image_names)
            if count:
                found[f'{first.split} and {second.split}'] = count
    return found


def _count(report: PromptReport, target: ReferringTarget) -> None:
    report.prompts += len(target.sentences)
    report.words.update(len(sentence.split()) for sentence in target.sentences)
    share = float(target.mask.mean())
    if share:
        report.shares[int(np.searchsorted(SHARES, share)) - 1] += 1
    else:
        report.empty.append(f'{target.image_name}, {target.sentences[0]!r}')


def _look(
    report: PromptReport, source: ReferringSource, target: ReferringTarget, show: bool
) -> None:
    """Read the image of a target, unless that was done and it need not be shown."""
    name = target.image_name
    is_new = name not in report.image_names
    report.image_names.add(name)
    if not (is_new or show):
        return
    try:
        image = source.image(name)
    except DatasetError as error:
        if is_new and isinstance(error.__cause__, FileNotFoundError):
            report.missing.append(str(error.__cause__.filename))
        elif is_new:
            report.damaged.append(str(error))
        return
    if is_new:
        report.sizes[image.shape[0], image.shape[1]] += 1
        report.plane.add(image)
    if show:
        report.examples.append(PromptExample(name, image, target.mask, target.sentences[0]))
