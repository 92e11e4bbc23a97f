"""HTML fragments that are safe to put into a page, and text made safe to put into them."""

from __future__ import annotations

import html
import unicodedata

_LONGEST = 80


class Html(str):
    """A fragment whose markup is ours; a page escapes every other text.

    Only figures and legends make it, of numbers and of names that went through `escaped`.
    """

    __slots__ = ()

    def __html__(self) -> str:
        """Return the fragment as it is: Jinja2 asks for this instead of escaping."""
        return str(self)


def escaped(text: str) -> str:
    """Return text for the inside of an element or of a quoted attribute."""
    return html.escape(readable(text), quote=True)


def readable(text: str, longest: int | None = None) -> str:
    """Return text in which every character can be drawn and encoded.

    Args:
        text: Names of classes, topics and files, text prompts, from wherever they come.
        longest: What is longer loses its end.
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + '…'
    return ''.join(
        '\ufffd' if unicodedata.category(c) in ('Cc', 'Cs', 'Cn', 'Co', 'Cf') else c for c in text
    )


def short(text: str) -> str:
    """Return text for a chart, where a long one would leave no room."""
    return readable(text, _LONGEST)
