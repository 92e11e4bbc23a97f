"""Recipe files and command-line overrides -> `Recipe` or `ReferringRecipe`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from jsonargparse import ActionConfigFile, ArgumentParser

from mmseg_models.training.config import Recipe
from mmseg_models.training.referring_config import ReferringRecipe

AnyRecipe = TypeVar('AnyRecipe', Recipe, ReferringRecipe)
REFERRING = 'referring'


def parse_recipe(arguments: Sequence[str]) -> Recipe:
    """Return the recipe of a segmentation network; see `parse_referring_recipe`."""
    return _parse(arguments, Recipe)


def parse_referring_recipe(arguments: Sequence[str]) -> ReferringRecipe:
    """Return the recipe that `--config FILE --section.key VALUE ...` describes.

    Later arguments win over earlier ones, all of them over the defaults. `--print_config` prints
    the result as YAML and ends the program; so does a wrong name or type, with exit code 2.

    Raises:
        ConfigError: A value is out of range or values contradict each other.
    """
    return _parse(arguments, ReferringRecipe)


def is_referring(file: str | None) -> bool:
    """Return whether a recipe file says `task: referring`; an unreadable one does not."""
    if file is None or not Path(file).is_file():
        return False
    try:
        content = yaml.safe_load(Path(file).read_text(encoding='utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    return isinstance(content, dict) and content.get('task') == REFERRING


def _parse(arguments: Sequence[str], kind: type[AnyRecipe]) -> AnyRecipe:
    parser = ArgumentParser(prog='mmseg_ros train', description='Train a model from a recipe.')
    parser.add_argument('--config', action=ActionConfigFile, help='Recipe as YAML.')
    parser.add_class_arguments(kind)
    values = parser.parse_args(list(arguments)).as_dict()
    values.pop('config')
    blocks = parser.instantiate(parser.parse_object(values))
    return kind(**{name: blocks[name] for name in values})
