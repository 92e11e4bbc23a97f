"""Training of a referring network on boxes: what is drawn, learned, kept and scored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmseg_models.encoders.bert import BERT_CONFIGS, BertConfig
from mmseg_models.training.config import OptimizerConfig
from mmseg_models.training.recipe_parser import parse_referring_recipe
from mmseg_models.training.referring import fit, setup, train_referring
from mmseg_models.training.referring_checkpoint import load_referring
from mmseg_models.training.referring_config import (
    ReferringAugmentation,
    ReferringData,
    ReferringLossConfig,
    ReferringRecipe,
)
from mmseg_models.training.referring_data import ReferringSampler, load_pictures
from mmseg_models.training.referring_validation import (
    full_scores,
    of_the_same_image,
    questions,
    score,
    shuffled,
)
from mmseg_ros.core.errors import ConfigError, TrainingError
from mmseg_ros.datasets.refer_sim import SimulatedReferring


@pytest.fixture(scope='module')
def pictures(referring_root):
    return load_pictures([SimulatedReferring(referring_root, 'train', regions=True)], 0.01)


@pytest.fixture
def recipe(referring_root, tmp_path, tiny_encoders, monkeypatch):
    monkeypatch.setitem(BERT_CONFIGS, 'bert_box_test', BertConfig(40, 16, 2, 32, 16))
    return ReferringRecipe(
        run_dir=str(tmp_path / 'run'),
        steps=4,
        threads=1,
        log_every=2,
        checkpoint_every=2,
        validate_every=2,
        validate_samples=4,
        options={
            'encoder': 'mit_tiny_test',
            'text': 'bert_box_test',
            'depths': [1, 0, 0, 0],
            'align_dim': 8,
            'head_dim': 16,
            'decoder_dim': 8,
            'coordinates': True,
        },
        data=ReferringData(
            roots=[str(referring_root)], height=64, width=96, max_tokens=16, images=2, sentences=2
        ),
        augmentation=ReferringAugmentation(jitter_probability=0.0),
        loss=ReferringLossConfig(),
        optimizer=OptimizerConfig(learning_rate=2e-3, warmup_steps=1, ema_decay=0.5),
    )


def sampler(pictures, **changes):
    augmentation = ReferringAugmentation(
        jitter_probability=0.0, rephrase_probability=0.0, region_share=0.0
    )
    return ReferringSampler(pictures, 64, 96, 2, 2, replace(augmentation, **changes))


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('crop', [0.0, 1.0])
def test_sentences_are_true_of_what_is_drawn(pictures, seed, crop):
    drawn = sampler(pictures, crop_probability=crop).draw(np.random.default_rng(seed))
    assert drawn.images.shape == (2, 64, 96, 3)
    assert drawn.masks.shape == (4, 64, 96)
    for n, (mask, sentence) in enumerate(zip(drawn.masks, drawn.sentences, strict=True)):
        image, labels = drawn.images[n // 2], drawn.labels[n // 2]
        red, _, blue = image[mask].mean(0)
        assert np.isin(labels[mask], 9).all()
        if 'red' in sentence or 'blue' in sentence:
            assert bool(red > blue) == ('red' in sentence)
        else:
            middle = np.flatnonzero(mask.any(0)).mean()
            assert bool(middle < 48) == ('left' in sentence)


def test_mirrored_images_keep_true_sentences(pictures):
    drawn = sampler(pictures, flip_probability=1.0, crop_probability=0.0)
    sides = set()
    for seed in range(8):
        batch = drawn.draw(np.random.default_rng(seed))
        for n, sentence in enumerate(batch.sentences):
            if 'on the' in sentence:
                columns = np.flatnonzero(batch.masks[n].any(0))
                sides.add((sentence, bool(columns.mean() > 48)))
    assert sides == {('the car on the right', True)}


def test_a_part_shows_its_object_larger_and_whole(pictures):
    sizes = []
    for seed in range(12):
        drawn = sampler(pictures, crop_probability=1.0).draw(np.random.default_rng(seed))
        sizes += [int(mask.sum()) for mask in drawn.masks]
    assert min(sizes) >= 0.95 * 24 * 28
    assert max(sizes) > 24 * 28


def test_same_seed_draws_the_same(pictures):
    first, second = (sampler(pictures).draw(np.random.default_rng([3, 9])) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert first.sentences == second.sentences


def test_small_targets_are_left_out(referring_root):
    source = [SimulatedReferring(referring_root, 'train', regions=True)]
    kept = load_pictures(source, 0.5)
    assert all(target.sentences == ('the road',) for item in kept for target in item.targets)
    assert load_pictures(source, 0.99) == []


@pytest.fixture(scope='module')
def reader(pictures):
    """Return a segmenter that knows the truth."""
    asked = questions(pictures, 0.0)
    truth = {(id(q.picture), q.sentence): q.target.mask(q.picture.labels.shape) > 0 for q in asked}
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


def test_run_leaves_weights_that_say_what_they_are_for(recipe):
    metrics = train_referring(recipe)
    network, info = load_referring(recipe.run_dir)
    assert {'all', 'thing', 'region', 'shuffled all'} <= set(metrics)
    assert info.metrics == metrics
    assert info.vocabulary[:4] == ['[PAD]', '[UNK]', '[CLS]', '[SEP]']
    assert network.vocabulary_size == len(info.vocabulary)
    assert (info.height, info.width, info.max_tokens) == (64, 96, 16)
    assert not network.training


def test_resumed_run_ends_where_an_unbroken_one_does(recipe, tmp_path):
    whole = setup(replace(recipe, run_dir=str(tmp_path / 'whole')))
    fit(whole)
    first, draws = setup(recipe), iter(range(3))
    draw = first.sampler.draw
    first.sampler.draw = lambda rng: (next(draws), draw(rng))[1]
    with pytest.raises(StopIteration):
        fit(first)
    second = setup(replace(recipe, resume='auto'))
    assert second.step == 2
    fit(second)
    ours = second.trainables.model.state_dict()
    for key, value in whole.trainables.model.state_dict().items():
        assert torch.equal(value, ours[key]), key


def test_encoder_starts_from_another_network(recipe, tmp_path):
    from safetensors.torch import save_file

    from mmseg_models import create_model

    other = create_model(
        'stitchfusion', encoder='mit_tiny_test', modalities=('rgb', 'lidar'), decoder_dim=8
    )
    save_file(other.state_dict(), tmp_path / 'model.safetensors')
    run = setup(replace(recipe, encoder_from=str(tmp_path / 'model.safetensors')))
    key = 'stages.2.blocks.0.mlp.expand.weight'
    assert torch.equal(
        run.trainables.model.network.encoder.state_dict()[key], other.encoder.state_dict()[key]
    )


def test_unreadable_weights_are_rejected(tmp_path):
    with pytest.raises(TrainingError, match='cannot read'):
        load_referring(tmp_path)


def test_recipe_is_read_and_checked(tmp_path):
    (tmp_path / 'recipe.yaml').write_text('run_dir: runs/x\ndata: {roots: [a], images: 3}\n')
    arguments = ['--config', str(tmp_path / 'recipe.yaml')]
    recipe = parse_referring_recipe([*arguments, '--steps', '70', '--optimizer.warmup_steps', '5'])
    assert (recipe.steps, recipe.data.images, recipe.data.roots) == (70, 3, ['a'])
    with pytest.raises(ConfigError, match=r'data\.roots'):
        ReferringRecipe(run_dir='x')
    with pytest.raises(ConfigError, match='warmup_steps'):
        replace(recipe, steps=5)
