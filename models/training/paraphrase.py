"""Text prompts of the synthetic referring data said in other words, and seen in a mirror."""

from __future__ import annotations

import re

import numpy as np

_MIRROR = {'left': 'right', 'right': 'left'}
_WORD = re.compile(r'\b(left|right)\b')
_SAME: dict[str, tuple[str, ...]] = {
    'closest': ('nearest',),
    'farthest': ('furthest',),
    'person': ('pedestrian',),
    'bicycle': ('bike',),
    'motorbike': ('motorcycle',),
    'bin': ('trash bin',),
    'grey': ('gray',),
    'on the left': ('at the left', 'to the left', 'on the left side'),
    'on the right': ('at the right', 'to the right', 'on the right side'),
    'in the middle': ('in the center', 'in the center'),
    'left of': ('to the left of',),
    'right of': ('to the right of',),
    'all people': ('all pedestrians', 'all persons'),
    'all cars': ('the cars',),
    'the plants': ('the trees', 'the vegetation'),
    'the sidewalk': ('the pavement',),
}
"""What is written -> what means the same."""
FRAME_WORDS = re.compile(
    r'\b(on the left|on the right|in the middle|left of|right of|behind|in front of)\b'
)
"""What a part of the image may make wrong, because it speaks of the frame or another object."""


def mirrored(sentence: str) -> str:
    """Return what a sentence must say about the mirrored image.

    >>> mirrored('the car on the left')
    'the car on the right'
    """
    return _WORD.sub(lambda match: _MIRROR[match[1]], sentence)


def rephrased(sentence: str, rng: np.random.Generator, probability: float) -> str:
    """Return a sentence of the same meaning; each phrase is replaced with this probability."""
    for phrase, others in _SAME.items():
        if phrase in sentence and rng.random() < probability:
            other = others[int(rng.integers(len(others)))]
            sentence = re.sub(rf'\b{phrase}\b', other, sentence)
    return sentence


def wordings(sentence: str) -> set[str]:
    """Return the text prompt, its mirror image, and all phrases that may stand in for parts."""
    found = {sentence, mirrored(sentence)}
    for phrase, others in _SAME.items():
        if any(phrase in said for said in tuple(found)):
            found |= set(others)
    return found
