"""Verbs under the names that they had before 0.2; they go away with the next release."""

from __future__ import annotations

from collections.abc import Sequence

_RENAMED = {'refer': 'segment-text', 'say': 'prompt'}


def modern(argv: Sequence[str]) -> list[str]:
    """Return the arguments with an old verb replaced by what it is called now.

    >>> modern(['say', 'the bus'])
    ['prompt', 'the bus']
    >>> modern(['export-open', 'stitchfusion-b0-sim', 'b0.onnx'])
    ['export', '--dynamic', 'stitchfusion-b0-sim', '--output', 'b0.onnx']
    """
    words = list(argv)
    place = next((i for i, word in enumerate(words) if not word.startswith('-')), None)
    if place is None:
        return words
    if words[place] in _RENAMED:
        words[place] = _RENAMED[words[place]]
    elif words[place] == 'export-open':
        words = [*words[:place], 'export', '--dynamic', *_with_output(words[place + 1 :])]
    return words


def _with_output(words: list[str]) -> list[str]:
    """Name the second of two plain words, which was the file to write."""
    plain = [
        i
        for i, word in enumerate(words)
        if not word.startswith('-') and (i == 0 or words[i - 1] != '--precision')
    ]
    if len(plain) < 2:
        return words
    return [*words[: plain[1]], '--output', *words[plain[1] :]]
