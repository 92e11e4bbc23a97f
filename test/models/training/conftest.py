"""A tiny data set and a recipe that trains on it in seconds."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmseg_models.training.config import (
    DataConfig,
    ModelConfig,
    Recipe,
    ValidationConfig,
)
from mmseg_models.training.run_config import OptimizerConfig
from mmseg_ros.datasets.tiny import write_tiny_dataset

OPTIONS = {'encoder': 'mit_b0', 'adapter': 'shared', 'fuse': 'sum', 'decoder_dim': 16}


@pytest.fixture(scope='session', autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope='session')
def tiny_set(tmp_path_factory) -> Path:
    """Return a data set of six training and two validation frames, 32 x 64."""
    root = tmp_path_factory.mktemp('data') / 'tiny'
    write_tiny_dataset(root, {'train': 6, 'val': 2}, height=32, width=64)
    return root


@pytest.fixture
def recipe(tiny_set, tmp_path) -> Recipe:
    """Return a recipe of six steps that validates and writes a checkpoint every third."""
    return Recipe(
        run_dir=str(tmp_path / 'run'),
        steps=6,
        batch_size=2,
        threads=1,
        log_every=3,
        checkpoint_every=3,
        data=DataConfig(root=str(tiny_set), modalities=['rgb', 'lidar'], height=32, width=64),
        model=ModelConfig(options=OPTIONS),
        optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=2, ema_decay=0.5),
        validation=ValidationConfig(every=3, subsets=['rgb+lidar', 'lidar']),
    )


@pytest.fixture
def with_fields():
    """Return a function that replaces fields of a recipe: section__name=value for nested ones."""

    def change(recipe, **fields):
        for key, value in fields.items():
            section, _, name = key.partition('__')
            inner = replace(getattr(recipe, section), **{name: value}) if name else value
            recipe = replace(recipe, **{section: inner})
        return recipe

    return change


@pytest.fixture(scope='session')
def pictures(referring_root):
    """Return the images of the referring set with their targets."""
    from mmseg_models.training.referring_data import load_pictures
    from mmseg_ros.datasets.refer_sim import SimulatedReferring

    return load_pictures([SimulatedReferring(referring_root, 'train', regions=True)], 0.01)
