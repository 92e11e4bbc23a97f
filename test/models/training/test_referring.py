"""Training of a referring network on boxes: what is drawn, learned, kept and scored."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from mmseg_models.encoders.bert import BERT_CONFIGS, BertConfig
from mmseg_models.encoders.bert_keys import hugging_face_key
from mmseg_models.training import engine
from mmseg_models.training.checkpoint import latest_checkpoint
from mmseg_models.training.engine import fit, train, training_step
from mmseg_models.training.loading import FrameKey
from mmseg_models.training.recipe_parser import parse_referring_recipe
from mmseg_models.training.referring_checkpoint import load_referring
from mmseg_models.training.referring_config import (
    ReferringAugmentation,
    ReferringData,
    ReferringLossConfig,
    ReferringRecipe,
)
from mmseg_models.training.referring_data import load_pictures
from mmseg_models.training.run_config import OptimizerConfig
from mmseg_models.training.setup import setup
from mmseg_ros.core.errors import ConfigError, TrainingError
from mmseg_ros.datasets.refer_coco import RefCoco


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


def test_an_image_is_varied_alike_in_every_process_and_otherwise_in_every_epoch(recipe):
    items = setup(recipe).task.loader([]).dataset
    first, again = (items[FrameKey(3, 1)] for _ in range(2))
    assert np.array_equal(first.picture.image, again.picture.image)
    assert np.array_equal(first.token_ids, again.token_ids)
    later = [items[FrameKey(3, epoch)].picture.image for epoch in range(2, 8)]
    assert not all(np.array_equal(first.picture.image, image) for image in later)


@pytest.mark.parametrize('probability', [0.0, 1.0])
def test_words_are_hidden_and_the_frame_of_a_sentence_is_not(recipe, probability):
    augmentation = replace(recipe.augmentation, unknown_probability=probability)
    items = setup(replace(recipe, augmentation=augmentation)).task.loader([]).dataset
    token_ids = items[FrameKey(0, 0)].token_ids
    assert (token_ids[:, 0] == 2).all()  # [CLS]
    assert bool((token_ids == 1).any()) == (probability == 1.0)
    assert bool((token_ids > 3).any()) == (probability == 0.0)


def test_run_leaves_weights_that_say_what_they_are_for(recipe):
    metrics = train(recipe)
    network, info = load_referring(recipe.run_dir)
    assert {'all', 'thing', 'region', 'shuffled all'} <= set(metrics)
    assert info.metrics == metrics
    assert info.vocabulary[:4] == ['[PAD]', '[UNK]', '[CLS]', '[SEP]']
    assert network.vocabulary_size == len(info.vocabulary)
    assert (info.height, info.width, info.max_tokens) == (64, 96, 16)
    assert not network.training


def interrupt_at(monkeypatch, step):
    def failing(run, batch):
        if run.step == step:
            raise KeyboardInterrupt
        return training_step(run, batch)

    monkeypatch.setattr(engine, 'training_step', failing)


def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(recipe, tmp_path, monkeypatch):
    options = {**recipe.options, 'dropout': 0.2, 'drop_path': 0.2}
    recipe = replace(recipe, options=options)
    train(recipe)
    other = replace(recipe, run_dir=str(tmp_path / 'other'), resume='auto')
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)  # one step after the checkpoint of step 2
        with pytest.raises(KeyboardInterrupt):
            train(other)
    assert latest_checkpoint(Path(other.run_dir)).name == 'step_00000002'
    torch.manual_seed(99)  # whatever the new process has drawn
    train(other)
    paths = [latest_checkpoint(Path(r.run_dir)) for r in (recipe, other)]
    for name in ('model.safetensors', 'average.safetensors'):
        first, second = (load_file(path / name) for path in paths)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)
    states = [torch.load(path / 'state.pt', weights_only=True) for path in paths]
    assert states[0]['best_miou'] == states[1]['best_miou']
    assert torch.equal(states[0]['generators'], states[1]['generators'])
    moments = [state['optimizer']['state'] for state in states]
    for key, moment in moments[0].items():
        assert all(torch.equal(value, moments[1][key][name]) for name, value in moment.items())
    kept = [load_file(Path(r.run_dir) / 'best.safetensors') for r in (recipe, other)]
    assert all(torch.equal(value, kept[1][key]) for key, value in kept[0].items())


def test_used_run_folder_is_not_overwritten(recipe):
    fit(setup(recipe))
    with pytest.raises(ConfigError, match='--resume auto'):
        setup(recipe)


def test_bfloat16_trains(recipe):
    run = setup(replace(recipe, precision='bf16'))
    loss, gradient_norm = training_step(run, next(iter(run.batches)))
    assert loss.dtype == torch.float32
    assert torch.isfinite(gradient_norm)


def test_gradient_is_clipped(recipe):
    config = replace(recipe.optimizer, clip_norm=1e-3)
    run = setup(replace(recipe, optimizer=config))
    seen = []
    step = run.wrapped_optimizer.step

    def watched():
        gradients = [p.grad for p in run.trainables.model.parameters() if p.grad is not None]
        seen.append(float(torch.stack([g.norm() for g in gradients]).norm()))
        return step()

    run.wrapped_optimizer.step = watched
    _, norm = training_step(run, next(iter(run.batches)))
    assert float(norm) > 1e-3
    assert seen == [pytest.approx(1e-3, rel=1e-3)]


def test_nan_stops_the_run_and_names_the_text_prompts(recipe):
    run = setup(recipe)
    batch = next(iter(run.batches))
    before = {k: v.clone() for k, v in run.trainables.model.named_parameters()}
    first = next(run.trainables.model.parameters())
    first.register_hook(lambda gradient: gradient * float('nan'))
    with pytest.raises(TrainingError, match=f'gradient norm is nan.*{batch.sentences[0]}'):
        training_step(run, batch)
    for name, parameter in run.trainables.model.named_parameters():
        assert torch.equal(parameter, before[name])


def test_images_without_classes_teach_only_their_masks(recipe):
    run = setup(recipe)
    batch = next(iter(run.batches))
    unlabeled = batch._replace(labels=torch.full_like(batch.labels, 255))
    loss, _ = training_step(run, unlabeled)
    assert torch.isfinite(loss)


@pytest.mark.slow
def test_two_processes_train(recipe):
    path = Path(recipe.run_dir).parent / 'recipe.yaml'
    options = {**recipe.options, 'encoder': 'mit_b0', 'text': 'bert_short'}
    shared = replace(recipe, steps=2, options=options)
    path.write_text(yaml.safe_dump(shared.to_dict()))
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2', '-m']
    command += ['mmseg_ros', 'train', '--config', str(path)]
    subprocess.run(command, check=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    state = torch.load(latest_checkpoint(Path(shared.run_dir)) / 'state.pt', weights_only=True)
    assert state['step'] == 2
    assert len(state['generators']) == 2
    lines = (Path(shared.run_dir) / 'log.jsonl').read_text().splitlines()
    final = json.loads(lines[-1])
    assert [json.loads(line)['kind'] for line in lines] == ['train', 'validate', 'final']
    # Each process asks half of the text prompts; the scores are over all of them.
    assert final['scores']['all']['count'] == 10


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


def test_refcoco_trains_from_berts_weights(recipe, refcoco, tmp_path):
    data = replace(recipe.data, roots=[str(refcoco / 'refcoco')])
    first = setup(replace(recipe, data=data, run_dir=str(tmp_path / 'first')))
    text = first.trainables.model.network.text.state_dict()
    weights = {
        f'bert.{hugging_face_key(key)}': torch.randn_like(value)
        for key, value in text.items()
        if key.startswith(('embedding.', 'layers.'))
    }
    torch.save(weights, tmp_path / 'pytorch_model.bin')
    options = {'steps': 2, 'pretrained_text': str(tmp_path / 'pytorch_model.bin')}
    second = replace(recipe, data=data, run_dir=str(tmp_path / 'second'), **options)
    loaded = setup(second).trainables.model.network.text.state_dict()
    for name, value in weights.items():
        key = next(k for k in text if f'bert.{hugging_face_key(k)}' == name)
        assert torch.equal(loaded[key], value), key
    assert train(second)['all']['count'] == 1


def test_images_of_refcoco_are_read_when_they_are_needed(refcoco):
    source = RefCoco(refcoco, 'refcoco', 'unc', 'train')
    reads = []
    read = source.image
    source.image = lambda name: (reads.append(name), read(name))[1]
    pictures = load_pictures([source], 0.0)
    assert [len(picture.targets) for picture in pictures] == [1, 1]
    assert not reads
    assert pictures[0].image.shape == (20, 30, 3)
    assert (pictures[0].labels == 255).all()
    assert reads == ['COCO_train2014_000000000007.jpg']


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
