"""Data of a recipe's shapes, generated for a dry run: noise with classes, or with text prompts."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from mmseg_models.training.config import Recipe
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_models.training.run_config import RunConfig
from mmseg_ros.core.atomic_files import write_bytes, write_text
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.datasets.folder import FILE
from mmseg_ros.datasets.refer_coco import IMAGE_FOLDER, coco_image_name
from mmseg_ros.labelling.image_files import write_image
from mmseg_ros.referring.tokenizer import BEGIN, END, PAD, UNKNOWN

_STRIPES = 16
_SAME = {'mean': [0.5] * 3, 'std': [0.25] * 3}
_WORDS = ('the', 'car', 'on', 'left', 'red')


def on_generated_data(recipe: RunConfig, folder: Path, steps: int) -> RunConfig:
    """Write data of a recipe's shapes and return the recipe that learns from it.

    What the recipe takes from other files (data, published weights, a vocabulary) is left out.

    Args:
        recipe: Of a segmentation or a referring network.
        folder: Where data and run may lie.
        steps: How many are taken at least.

    Raises:
        ConfigError: The recipe contradicts itself.
    """
    if isinstance(recipe, Recipe):
        changed: RunConfig = _segmentation(recipe, folder)
    elif isinstance(recipe, ReferringRecipe):
        changed = _referring(recipe, folder)
    else:
        raise TypeError(f'No data is generated for a {type(recipe).__name__}.')
    return replace(
        changed,
        run_dir=str(folder / 'run'),
        resume='never',
        init_from='',
        steps=max(steps, recipe.optimizer.warmup_steps + 1),
    )


def write_frames(root: Path, recipe: Recipe, space: LabelSpace) -> None:
    """Write one batch of noise with stripes of classes, in the folder format, for each split."""
    data = recipe.data
    rng = np.random.default_rng(recipe.seed)
    stripe = np.arange(data.width) * _STRIPES // data.width % space.num_classes
    labels = np.repeat(stripe[None].astype(np.uint8), data.height, axis=0)
    for split, count in (('train', recipe.batch_size), ('val', 1)):
        for number in range(count):
            for name in data.modalities:
                pixels = rng.integers(0, 256, (data.height, data.width, 3)).astype(np.uint8)
                if data.encodings[name] in ('grey', 'dolp'):
                    pixels = np.repeat(pixels[..., :1], 3, axis=2)
                write_image(root / name / split / f'{number}.png', pixels, durable=False)
            write_image(root / 'labels' / split / f'{number}.png', labels, durable=False)
    description = {
        'labels': {'path': 'labels/{split}/{name}.png'},
        'modalities': {
            name: {'path': name + '/{split}/{name}.png', 'encoding': data.encodings[name]}
            for name in data.modalities
        },
    }
    write_text(root / FILE, yaml.safe_dump(description))


def write_prompts(root: Path, recipe: ReferringRecipe) -> Path:
    """Write one batch of noise with text prompts of full length as RefCOCO; return its folder."""
    data = recipe.data
    rng = np.random.default_rng(recipe.seed)
    height, width = data.height, data.width
    half = [[0, 0, width // 2, 0, width // 2, height, 0, height]]
    words = ' '.join(_WORDS[i % len(_WORDS)] for i in range(data.max_tokens))
    references, images, annotations = [], [], []
    for number, split in enumerate(['train'] * data.images + ['val']):
        pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        write_image(root / IMAGE_FOLDER / coco_image_name(number), pixels, durable=False)
        images.append({'id': number, 'height': height, 'width': width})
        annotations.append({'id': number, 'image_id': number, 'segmentation': half})
        names = dict.fromkeys(('ref_id', 'ann_id', 'image_id'), number)
        references.append({**names, 'split': split, 'sentences': [{'raw': words}]})
    folder = root / 'refcoco'
    content = {'images': images, 'annotations': annotations}
    write_text(folder / 'instances.json', json.dumps(content))
    write_bytes(folder / 'refs(unc).p', pickle.dumps(references, protocol=2))
    return folder


def write_vocabulary(path: Path, size: int) -> None:
    """Write a vocabulary of so many tokens that knows the generated text prompts.

    Raises:
        ConfigError: `size` is too small for that.
    """
    tokens = [PAD, UNKNOWN, BEGIN, END, *_WORDS]
    if size < len(tokens):
        raise ConfigError(f'options.vocabulary_size is {size}; a dry run needs {len(tokens)}.')
    tokens += [f'word{number}' for number in range(size - len(tokens))]
    write_text(path, '\n'.join(tokens) + '\n')


def _segmentation(recipe: Recipe, folder: Path) -> Recipe:
    write_frames(folder / 'data', recipe, load_label_space(recipe.data.label_space))
    data = replace(
        recipe.data,
        root=str(folder / 'data'),
        format='folder',
        train_split='train',
        val_split='val',
        protocol='correct',
        conditions=[],
        simulate=[],
        workers=0,
        statistics=dict.fromkeys(recipe.data.modalities, _SAME),
    )
    return replace(recipe, data=data, model=replace(recipe.model, pretrained=''))


def _referring(recipe: ReferringRecipe, folder: Path) -> ReferringRecipe:
    root = write_prompts(folder / 'data', recipe)
    size, vocabulary = recipe.options.get('vocabulary_size'), ''
    if size is not None:
        vocabulary = str(folder / 'vocab.txt')
        write_vocabulary(Path(vocabulary), size)
    data = replace(
        recipe.data,
        roots=[str(root)],
        split_by='unc',
        images_in='',
        simulate=[],
        vocabulary=vocabulary,
        workers=0,
    )
    return replace(without_first_weights(recipe), data=data)


def without_first_weights(recipe: ReferringRecipe) -> ReferringRecipe:
    """Return the recipe of a network that starts at random."""
    return replace(recipe, pretrained='', pretrained_text='', encoder_from='', init_from='')
