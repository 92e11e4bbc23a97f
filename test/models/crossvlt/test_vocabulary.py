"""Vocabularies made from text prompts."""

import pytest

from mmseg_models.crossvlt.vocabulary import SPECIAL, train_vocabulary
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.referring.tokenizer import Tokenizer

SENTENCES = ['the red car', 'the car on the left', 'The Bus!']


def test_sentences_are_read_back_without_unknown_words(tmp_path):
    path = tmp_path / 'vocab.txt'
    count = train_vocabulary(SENTENCES, path)
    tokens = path.read_text().splitlines()
    assert len(tokens) == count
    assert tuple(tokens[:4]) == SPECIAL
    assert set(tokens[4:]) == {'the', 'red', 'car', 'on', 'left', 'bus', '!'}
    tokenizer = Tokenizer(path, 8)
    assert all(not tokenizer.read(sentence).unknown_words for sentence in SENTENCES)


def test_other_words_are_unknown_not_spelled(tmp_path):
    train_vocabulary(SENTENCES, tmp_path / 'vocab.txt')
    reading = Tokenizer(tmp_path / 'vocab.txt', 8).read('the zebra')
    assert reading.unknown_words == ('zebra',)


def test_order_of_the_sentences_does_not_matter(tmp_path):
    train_vocabulary(SENTENCES, tmp_path / 'a.txt')
    train_vocabulary(SENTENCES[::-1] * 2, tmp_path / 'b.txt')
    assert (tmp_path / 'a.txt').read_text() == (tmp_path / 'b.txt').read_text()


def test_no_words_are_rejected(tmp_path):
    with pytest.raises(ConfigError, match='no word'):
        train_vocabulary([' '], tmp_path / 'vocab.txt')
