"""Sentences to token ids: WordPiece with BERT's uncased normalization, from a local vocabulary."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError, MissingLibraryError, SampleError

if TYPE_CHECKING:
    from tokenizers import Encoding
    from tokenizers import Tokenizer as WordPieceTokenizer

LIBRARY = 'tokenizers'
"""Splits words. Optional: imported by the first `Tokenizer`, and by nothing before it."""
MISSING_LIBRARY = (
    f'Text prompts need the Python package {LIBRARY}, which is not installed; install it with '
    f'`pip install {LIBRARY}` and start again. Everything else works without it.'
)

_LOGGER = logging.getLogger(__name__)

PAD, UNKNOWN, BEGIN, END = '[PAD]', '[UNK]', '[CLS]', '[SEP]'
MAX_CHARACTERS = 1000
"""Longest text prompt that is read; what is longer was not meant as one."""
_LONGEST_WORD = 100
_SHOWN_CHARACTERS = 40
_MAX_SAID = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """One sentence as the network sees it.

    Attributes:
        token_ids: The ids with [CLS] and [SEP], without padding.
        unknown_words: Words that the vocabulary does not know, as they were written.
        known: Whether it knows any word of the text prompt.
        notes: What the reader should be told about it, in sentences.
    """

    token_ids: tuple[int, ...]
    unknown_words: tuple[str, ...]
    known: bool
    notes: tuple[str, ...]


class Tokenizer:
    """Reads text prompts with one vocabulary.

    Args:
        vocab_path: One token per line; the line number, from 0, is its id.
        max_tokens: Length of every row of ids, [CLS] and [SEP] included.

    Raises:
        ConfigError: The vocabulary cannot be used; says why.
        MissingLibraryError: `tokenizers` is not installed.
    """

    def __init__(self, vocab_path: str | Path, max_tokens: int = 20) -> None:
        if max_tokens < 3:
            raise ConfigError(f'max_tokens must be at least 3, but is {max_tokens}.')
        self.max_tokens = max_tokens
        self._ids = _read_vocabulary(Path(vocab_path))
        self._words = _word_pieces(self._ids)
        self._said: set[str] = set()

    def read(self, sentence: str) -> Reading:
        """Return the tokens of a sentence; what is cut or unknown is noted, and logged once.

        Raises:
            SampleError: It is no text, holds half a character, says nothing or is far too long.
        """
        encoding = self._words.encode(_checked(sentence), add_special_tokens=False)
        if not encoding.ids:
            raise SampleError(f'The text prompt {_shown(sentence)} holds no word.')
        room = self.max_tokens - 2
        unknown_words = _unknown_words(encoding, sentence)
        notes = []
        if len(encoding.ids) > room:
            rest = sentence[encoding.offsets[room][0] :]
            notes.append(
                f'The text prompt {_shown(sentence)} has {len(encoding.ids)} tokens, but {room} '
                f'are read; left out: {_shown(rest)}.'
            )
        if unknown_words:
            words = ', '.join(_shown(word) for word in unknown_words)
            notes.append(f'Not in the vocabulary: {words}.')
        self._say(notes)
        return Reading(
            token_ids=(self._ids[BEGIN], *encoding.ids[:room], self._ids[END]),
            unknown_words=unknown_words,
            known=any(token != UNKNOWN for token in encoding.tokens[:room]),
            notes=tuple(notes),
        )

    def encode(self, sentences: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return token ids N x L int64 and attention mask N x L bool, with L = `max_tokens`.

        Raises:
            SampleError: One of them cannot be read; see `read`.
        """
        return self.batch([self.read(sentence) for sentence in sentences])

    def batch(self, readings: Sequence[Reading]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return what `encode` returns, for text prompts that have been read."""
        shape = (len(readings), self.max_tokens)
        token_ids = np.full(shape, self._ids[PAD], np.int64)
        attention_mask = np.zeros(shape, bool)
        for row, reading in enumerate(readings):
            token_ids[row, : len(reading.token_ids)] = reading.token_ids
            attention_mask[row, : len(reading.token_ids)] = True
        return token_ids, attention_mask

    def _say(self, notes: Sequence[str]) -> None:
        for note in notes:
            if note not in self._said and len(self._said) < _MAX_SAID:
                self._said.add(note)
                _LOGGER.warning(note)


def is_available() -> bool:
    """Return whether the library is installed; does not import it."""
    return importlib.util.find_spec(LIBRARY) is not None


def _word_pieces(ids: dict[str, int]) -> WordPieceTokenizer:
    try:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    except ImportError as error:
        raise MissingLibraryError(MISSING_LIBRARY) from error
    words = Tokenizer(
        models.WordPiece(ids, unk_token=UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
    )
    # The special tokens are not added to it: '[SEP]' in a sentence is a word like others.
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return words


def _read_vocabulary(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text(encoding='utf-8').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'The vocabulary {path} cannot be read: {error}.') from error
    tokens = lines[:-1] if lines[-1] == '' else lines
    ids = {token: i for i, token in enumerate(tokens)}
    if len(ids) != len(tokens):
        twice = next(token for i, token in enumerate(tokens) if ids[token] != i)
        raise ConfigError(f'The vocabulary {path} holds {twice!r} twice.')
    missing = [token for token in (PAD, UNKNOWN, BEGIN, END) if token not in ids]
    if missing:
        raise ConfigError(f'The vocabulary {path} lacks {", ".join(missing)}.')
    return ids


def _checked(sentence: str) -> str:
    if not isinstance(sentence, str):
        raise SampleError(f'A sentence must be text, but is {type(sentence).__name__}.')
    if len(sentence) > MAX_CHARACTERS:
        raise SampleError(
            f'The text prompt {_shown(sentence)} has {len(sentence)} characters; at most '
            f'{MAX_CHARACTERS} are read.'
        )
    try:
        sentence.encode('utf-8')
    except UnicodeEncodeError as error:
        raise SampleError(
            f'The text prompt {_shown(sentence)} is no valid Unicode text: character '
            f'{error.start + 1} is half of one.'
        ) from error
    return sentence


def _unknown_words(encoding: Encoding, sentence: str) -> tuple[str, ...]:
    """Return each unknown word once, in order; punctuation is not a word."""
    spans = zip(encoding.tokens, encoding.offsets, strict=True)
    words = [sentence[first:end] for token, (first, end) in spans if token == UNKNOWN]
    return tuple(dict.fromkeys(word for word in words if any(map(str.isalnum, word))))


def _shown(text: str) -> str:
    """Return the beginning of a text in quotes, safe to log."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + '...'
    return ascii(cut) if not cut.isprintable() else repr(cut)
