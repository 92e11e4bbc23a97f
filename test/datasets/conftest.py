"""A small data set on disk."""

from pathlib import Path

import pytest

from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.datasets.tiny import write_tiny_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a data set with two training frames and one for validation, 32 x 48."""
    write_tiny_dataset(tmp_path / 'img_rgb', {'train': 2, 'val': 1}, height=32, width=48)
    return tmp_path / 'img_rgb'


@pytest.fixture
def label_space() -> LabelSpace:
    """Return DeLiVER's classes."""
    return load_label_space('deliver')
