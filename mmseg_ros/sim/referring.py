"""Text prompts that name exactly one object of an image, and its mask.

A sentence is a noun and properties. A property holds, does not hold, or is arguable; a sentence
is kept only if all of its properties hold for the target and, for every other object that the
noun could mean, one of them clearly does not. So it is unambiguous by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.sim.visible_objects import VisibleObject

SMALLEST_SHARE = 0.0006
"""Share of the image that an object must cover to be asked for; smaller ones still distract."""
_CONFUSED: dict[str, frozenset[str]] = {
    'car': frozenset({'car', 'van'}),
    'van': frozenset({'van', 'car'}),
    'truck': frozenset({'truck', 'van'}),
    'person': frozenset({'person', 'rider'}),
    'bicycle': frozenset({'bicycle', 'motorbike'}),
    'motorbike': frozenset({'motorbike', 'bicycle'}),
}
_CLOSE_COLORS = (
    {'white', 'silver', 'grey'}, {'grey', 'black'}, {'red', 'orange'}, {'brown', 'orange'},
    {'yellow', 'orange'}, {'black', 'blue'}, {'brown', 'red'}, {'green', 'black'},
)  # fmt: skip
_VEHICLES = ('car', 'van', 'bus', 'truck')
_LANDMARKS = ('bus', 'truck', 'van', 'traffic light', 'stop sign', 'bin', 'bus shelter', 'dog',
              'street lamp', 'billboard', 'hydrant', 'bench')  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expression:
    """A sentence and what it means.

    Attributes:
        sentence: In English, without a full stop. target: The object.
    """

    sentence: str
    target: VisibleObject

    def mask(self, labels: NDArray[np.uint8], instances: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return H x W bool: the pixels that are meant."""
        meant = (instances == self.target.instance) & (labels == self.target.class_id)
        return np.asarray(meant)


@dataclass(frozen=True, slots=True)
class _Property:
    """One thing that can be said: where it stands in the text prompt, and of whom it is true.

    Attributes:
        slot: 'before' or 'after' the noun; properties of one `kind` exclude each other.
        truth: Per instance: True, False, or None if arguable.
    """

    kind: str
    slot: str
    words: str
    truth: dict[int, bool | None]


def make_expressions(
    visible: Sequence[VisibleObject],
    shape: tuple[int, int],
    rng: np.random.Generator,
    most: int = 8,
) -> list[Expression]:
    """Return up to `most` text prompts about different objects of one image.

    Args:
        visible: All objects in the image, also tiny ones.
        shape: Rows and columns of the image.
        rng: Chooses among the text prompts that fit.
        most: Largest number.
    """
    least = SMALLEST_SHARE * shape[0] * shape[1]
    large = [item for item in visible if item.pixels >= least]
    expressions = []
    for index in rng.permutation(len(large)):
        target = large[int(index)]
        rivals = [
            item
            for item in visible
            if item.instance != target.instance
            and item.noun in _CONFUSED.get(target.noun, frozenset({target.noun}))
        ]
        choices = list(_identifying(target, rivals, visible, shape))
        if choices:
            words = choices[int(rng.integers(len(choices)))]
            expressions.append(Expression(_sentence(target.noun, words), target))
        if len(expressions) == most:
            break
    return expressions


def _identifying(
    target: VisibleObject,
    rivals: Sequence[VisibleObject],
    visible: Sequence[VisibleObject],
    shape: tuple[int, int],
) -> Iterator[tuple[_Property, ...]]:
    """Yield sets of one or two, if need be three, properties that single the target out."""
    everyone = [target, *rivals]
    said = [
        item
        for item in _properties(target, everyone, visible, shape)
        if item.truth.get(target.instance) is True
    ]
    if not rivals:
        yield ()
    for size in (1, 2, 3):
        found = False
        for chosen in combinations(said, size):
            kinds = [item.kind for item in chosen]
            if len(set(kinds)) == size and all(
                any(item.truth.get(rival.instance) is False for item in chosen) for rival in rivals
            ):
                found = True
                yield chosen
        if found and size > 1:
            return


def _sentence(noun: str, properties: Sequence[_Property]) -> str:
    before = [item.words for item in properties if item.slot == 'before']
    after = [item.words for item in properties if item.slot == 'after']
    return ' '.join(['the', *before, noun, *after])


def _properties(
    target: VisibleObject,
    everyone: Sequence[VisibleObject],
    visible: Sequence[VisibleObject],
    shape: tuple[int, int],
) -> Iterator[_Property]:
    yield from _rank(everyone)
    if target.noun in _VEHICLES:
        for word, moving in (('moving', True), ('parked', False)):
            truth: dict[int, bool | None] = {x.instance: x.moving is moving for x in everyone}
            yield _Property('motion', 'before', word, truth)
    if target.color:
        yield _color(target, everyone)
    yield from _sides(everyone)
    for landmark in visible:
        alone = sum(x.noun == landmark.noun for x in visible) == 1
        big = landmark.pixels >= SMALLEST_SHARE * shape[0] * shape[1]
        if alone and big and landmark.noun in _LANDMARKS and landmark.noun != target.noun:
            yield from _relations(landmark, everyone)


def _color(target: VisibleObject, everyone: Sequence[VisibleObject]) -> _Property:
    def same(other: VisibleObject) -> bool | None:
        if other.color == target.color:
            return True
        near = any({other.color, target.color} <= group for group in _CLOSE_COLORS)
        return None if near or not other.color else False

    truth = {item.instance: same(item) for item in everyone}
    if target.noun in ('person', 'rider'):
        return _Property('color', 'after', f'in {target.color}', truth)
    return _Property('color', 'before', target.color, truth)


def _rank(everyone: Sequence[VisibleObject]) -> Iterator[_Property]:
    """The nearest and the farthest, where the gap to the next is clear."""
    if len(everyone) < 2:
        return
    for word, sign in (('closest', 1.0), ('farthest', -1.0)):
        ranked = sorted(everyone, key=lambda item: sign * item.depth_m)
        first, second = ranked[0].depth_m, ranked[1].depth_m
        if max(first, second) > 1.25 * min(first, second):
            truth: dict[int, bool | None] = {item.instance: item is ranked[0] for item in everyone}
            yield _Property('rank', 'before', word, truth)


def _sides(everyone: Sequence[VisibleObject]) -> Iterator[_Property]:
    def side(x: float, sure: float, never: float) -> bool | None:
        return True if x < sure else False if x > never else None

    yield _Property(
        'side',
        'after',
        'on the left',
        {s.instance: side(s.center[0], 0.38, 0.48) for s in everyone},
    )
    yield _Property(
        'side', 'after', 'on the right',
        {s.instance: side(1 - s.center[0], 0.38, 0.48) for s in everyone},
    )  # fmt: skip
    yield _Property(
        'side', 'after', 'in the middle',
        {s.instance: side(abs(s.center[0] - 0.5), 0.08, 0.16) for s in everyone},
    )  # fmt: skip


def _relations(landmark: VisibleObject, everyone: Sequence[VisibleObject]) -> Iterator[_Property]:
    def aligned(item: VisibleObject) -> bool:
        return item.box[0] <= landmark.box[2] and item.box[2] >= landmark.box[0]

    def beyond(item: VisibleObject, sign: float) -> bool | None:
        gap = sign * (item.depth_m - landmark.depth_m)
        if aligned(item):
            return True if gap > 3.0 else False if gap < 0.5 else None
        return None if gap > 0.5 else False

    def beside(item: VisibleObject, left: bool) -> bool | None:
        level = abs(item.depth_m - landmark.depth_m)
        gap = landmark.box[0] - item.box[2] if left else item.box[0] - landmark.box[2]
        if gap > 0 and level < 6.0:
            return True
        middle = landmark.center[0] - item.center[0]
        return False if (middle < 0) is left else None

    name = landmark.noun
    yield _Property(
        'place', 'after', f'behind the {name}', {s.instance: beyond(s, 1.0) for s in everyone}
    )
    yield _Property(
        'place', 'after', f'in front of the {name}',
        {s.instance: beyond(s, -1.0) for s in everyone},
    )  # fmt: skip
    yield _Property(
        'side', 'after', f'left of the {name}', {s.instance: beside(s, True) for s in everyone}
    )
    yield _Property(
        'side', 'after', f'right of the {name}', {s.instance: beside(s, False) for s in everyone}
    )
