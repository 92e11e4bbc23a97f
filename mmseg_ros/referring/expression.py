"""One text that may hold several text prompts."""

from __future__ import annotations

from mmseg_ros.core.errors import SampleError
from mmseg_ros.referring.tokenizer import MAX_CHARACTERS

MAX_SENTENCES = 8


def split_expression(text: str) -> tuple[str, ...]:
    """Return the different text prompts of a text, parted by semicolons or line breaks.

    Returns:
        The text prompts without spaces around them; none if there is nothing but spaces.

    Raises:
        SampleError: It is no text, far too long, or holds too many text prompts.
    """
    if not isinstance(text, str):
        raise SampleError(f'An expression must be text, but is {type(text).__name__}.')
    longest = MAX_SENTENCES * (MAX_CHARACTERS + 1)
    if len(text) > longest:
        raise SampleError(
            f'The expression has {len(text)} characters; at most {longest} are read, '
            f'{MAX_CHARACTERS} per text prompt.'
        )
    parts = (part.strip() for part in text.replace('\n', ';').replace('\r', ';').split(';'))
    sentences = tuple(dict.fromkeys(part for part in parts if part))
    if len(sentences) > MAX_SENTENCES:
        raise SampleError(
            f'The expression has {len(sentences)} text prompts; at most {MAX_SENTENCES} are '
            'looked for at once.'
        )
    return sentences
