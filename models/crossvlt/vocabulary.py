"""A vocabulary of one's own: the word pieces of the text prompts that a network is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.referring.tokenizer import BEGIN, END, PAD, UNKNOWN

SPECIAL = (PAD, UNKNOWN, BEGIN, END)


def train_vocabulary(sentences: Sequence[str], path: Path | str, size: int = 1000) -> int:
    """Write a WordPiece vocabulary, one token per line, and return the number of tokens.

    Pieces that no text prompt needs are left out: a network cannot have learned what they mean, so
    a word made of them is better called unknown. The order is alphabetic, so that the same
    text prompts give the same file.

    Args:
        sentences: What is trained on.
        path: File to write.
        size: Most tokens.

    Raises:
        ConfigError: There are no words.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(sentences, trainer)
    distinct = sorted(set(sentences))
    used = {token for item in tokenizer.encode_batch(distinct) for token in item.tokens}
    if not used:
        raise ConfigError('There is no word in the sentences to make a vocabulary of.')
    tokens = [*SPECIAL, *sorted(used - set(SPECIAL))]
    write_text(path, '\n'.join(tokens) + '\n')
    return len(tokens)
