"""Scores tell whether text prompts are read."""

import numpy as np
import pytest

from mmseg_models.training.referring_validation import (
    full_scores,
    of_the_same_image,
    questions,
    score,
    shuffled,
)


@pytest.fixture(scope='module')
def reader(pictures):
    """Return a segmenter that knows the truth."""
    asked = questions(pictures, 0.0)
    truth = {(id(q.picture), q.sentence): q.target.mask(q.picture.shape) > 0 for q in asked}
    by_image = {id(q.picture.image): id(q.picture) for q in asked}

    def read(image, sentences):
        nothing = np.zeros(image.shape[:2], bool)
        return np.stack([truth.get((by_image[id(image)], s), nothing) for s in sentences])

    return read


def test_scores_tell_reading_from_guessing(pictures, reader):
    asked = questions(pictures, 0.0)
    right, wrong = score(reader, asked), score(reader, shuffled(asked))
    assert right['all']['miou'] == 1.0
    assert right['thing 10-100 %']['count'] == right['thing']['count'] == 18
    assert right['region']['count'] == 12
    assert wrong['all']['miou'] < 0.6
    assert wrong['all']['count'] == right['all']['count']


def test_shuffling_gives_every_sentence_away(pictures):
    asked = questions(pictures, 0.0)
    mixed = shuffled(asked)
    assert sorted(q.sentence for q in mixed) == sorted(q.sentence for q in asked)
    assert [q.target for q in mixed] == [q.target for q in asked]
    assert sum(a.sentence != b.sentence for a, b in zip(asked, mixed, strict=True)) > 12


def test_another_sentence_is_about_the_same_image(pictures):
    mixed = of_the_same_image(questions(pictures, 0.0))
    assert len(mixed) == len(questions(pictures, 0.0))
    for question in mixed:
        sentences = [s for target in question.picture.targets for s in target.sentences]
        assert question.sentence in sentences
    assert of_the_same_image(questions(pictures, 0.0)[:1]) == []


def test_full_scores_ask_also_with_wrong_sentences(pictures, reader):
    scores = full_scores(reader, pictures, 0.0)
    name = 'things of 1 % and more'
    assert scores['all']['miou'] == scores[name]['miou'] == 1.0
    assert scores['all']['count'] == 30
    assert scores[name]['count'] == scores[f'{name}, text prompts shuffled']['count'] == 18
    assert scores[f'{name}, another text prompt about the image']['miou'] < 0.5
