from __future__ import annotations

import logging
import string
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.core.errors import ConfigError, MissingLibraryError, SampleError
from mmseg_ros.referring.tokenizer import MAX_CHARACTERS, Tokenizer, is_available


@pytest.fixture
def tokenizer(vocab_path: Path) -> Tokenizer:
    return Tokenizer(vocab_path, max_tokens=8)


def tokens_of(tokenizer: Tokenizer, sentence: str, vocab_path: Path) -> list[str]:
    vocabulary = vocab_path.read_text().split('\n')
    return [vocabulary[i] for i in tokenizer.read(sentence).token_ids]


def test_rows_are_padded_and_masked(tokenizer: Tokenizer) -> None:
    token_ids, attention_mask = tokenizer.encode(['the red car', 'a van on the left'])
    assert token_ids.dtype == np.int64
    assert attention_mask.dtype == bool
    assert token_ids.shape == attention_mask.shape == (2, 8)
    np.testing.assert_array_equal(attention_mask.sum(axis=1), [5, 7])
    np.testing.assert_array_equal(token_ids[0], [2, 4, 6, 9, 3, 0, 0, 0])
    assert not token_ids[~attention_mask].any()


def test_pieces_accents_case_and_control_characters(
    tokenizer: Tokenizer, vocab_path: Path
) -> None:
    found = tokens_of(tokenizer, ' The\tR\u00c9D \x00cars\u200b, walking', vocab_path)
    assert found == ['[CLS]', 'the', 'red', 'car', '##s', ',', 'walk', '[SEP]']


def test_special_tokens_cannot_be_smuggled_in(tokenizer: Tokenizer) -> None:
    reading = tokenizer.read('red [SEP] car')
    assert reading.token_ids.count(3) == 1
    assert reading.unknown_words == ('SEP',)


def test_truncation_keeps_the_end_token_and_is_said_once(
    tokenizer: Tokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    sentence = 'the red car on the left of the white van'
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            reading = tokenizer.read(sentence)
    assert len(reading.token_ids) == 8
    assert reading.token_ids[-1] == 3
    assert len(caplog.records) == 1
    assert "10 tokens, but 6 are read; left out: 'of the white van'" in caplog.text


def test_a_sentence_that_just_fits_is_whole(tokenizer: Tokenizer) -> None:
    assert tokenizer.read('the red car on the left').notes == ()


def test_unknown_words_are_named(tokenizer: Tokenizer) -> None:
    reading = tokenizer.read('the Zeppelin left of the zeppelin Über!')
    assert reading.unknown_words == ('Zeppelin', 'zeppelin', 'Über')
    assert reading.known
    assert 'Zeppelin' in reading.notes[-1]
    assert not tokenizer.read('zeppelin').known


@pytest.mark.parametrize('sentence', ['', ' \t\n', '\x00\x01', '\u200b', None, 3, b'car', ['car']])
def test_nothing_said_is_rejected(tokenizer: Tokenizer, sentence: object) -> None:
    with pytest.raises(SampleError):
        tokenizer.encode([sentence])  # type: ignore[list-item]


def test_a_megabyte_is_rejected_at_once(tokenizer: Tokenizer) -> None:
    with pytest.raises(SampleError, match=rf'1048576 characters; at most {MAX_CHARACTERS}'):
        tokenizer.read('car ' * (1 << 18))


def test_half_a_character_is_rejected(tokenizer: Tokenizer) -> None:
    with pytest.raises(SampleError, match='character 5 is half of one'):
        tokenizer.read('car \ud800 van')


@pytest.fixture(scope='module')
def any_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp('words') / 'vocab.txt'
    path.write_text('[PAD]\n[UNK]\n[CLS]\n[SEP]\ncar\n##s\n')
    return Tokenizer(path)


@settings(deadline=None, max_examples=60)
@given(sentence=st.text(max_size=60) | st.text(string.printable, max_size=MAX_CHARACTERS + 2))
def test_any_text_is_read_or_rejected(any_tokenizer: Tokenizer, sentence: str) -> None:
    try:
        token_ids, attention_mask = any_tokenizer.encode([sentence])
    except SampleError:
        return
    length = int(attention_mask.sum())
    assert 3 <= length <= 20
    assert token_ids[0, 0] == 2
    assert token_ids[0, length - 1] == 3


def test_equals_transformers(vocab_path: Path) -> None:
    transformers = pytest.importorskip('transformers')
    theirs = transformers.BertTokenizer(vocab=str(vocab_path), do_lower_case=True)
    ours = Tokenizer(vocab_path, max_tokens=8)
    for sentence in (
        'The red cars, walking.',
        'a r\u00e9sum\u00e9 on the LEFT',
        '汽 car',
        'van-like',
    ):
        expected = theirs(sentence, truncation=True, max_length=8)['input_ids']
        assert list(ours.read(sentence).token_ids) == expected


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('[PAD]\n[UNK]\n[CLS]\n', r'lacks \[SEP\]'),
        ('[PAD]\n[UNK]\n[CLS]\n[SEP]\ncar\ncar\n', "holds 'car' twice"),
        (None, 'cannot be read'),
        (b'\xff\xfe', 'cannot be read'),
    ],
)
def test_a_vocabulary_that_cannot_be_used(
    tmp_path: Path, content: str | bytes | None, message: str
) -> None:
    path = tmp_path / 'broken.txt'
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError, match=message):
        Tokenizer(path)


def test_a_missing_library_is_told_with_the_remedy(
    vocab_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_available()
    monkeypatch.setitem(sys.modules, 'tokenizers', None)
    assert not is_available()
    with pytest.raises(MissingLibraryError, match='pip install tokenizers'):
        Tokenizer(vocab_path)
