"""Every example in a docstring gives what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {'mmseg_ros': ROOT / 'mmseg_ros', 'mmseg_models': ROOT / 'models'}


def modules_with_examples():
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob('*.py')):
            if '>>> ' in path.read_text(encoding='utf-8'):
                parts = path.relative_to(folder).with_suffix('').parts
                yield '.'.join((package, *(part for part in parts if part != '__init__')))


@pytest.mark.parametrize('name', list(modules_with_examples()))
def test_examples_are_true(name):
    if name.startswith('mmseg_models'):
        pytest.importorskip('torch')
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried
    assert not failed
