"""Recipe files and command-line overrides -> `Recipe` or `ReferringRecipe`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser

from mmseg_models.training.config import Recipe
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.safe_yaml import load_yaml

AnyRecipe = TypeVar('AnyRecipe', bound=Recipe | ReferringRecipe)
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


def parse_any_recipe(file: str | None, arguments: Sequence[str]) -> Recipe | ReferringRecipe:
    """Return the recipe of whatever the file trains; see `parse_referring_recipe`.

    Args:
        file: Recipe that says `task: referring`, or of a segmentation network. None if `arguments`
            alone describe one of those.
        arguments: The file with its overrides.
    """
    return parse_referring_recipe(arguments) if is_referring(file) else parse_recipe(arguments)


def is_referring(file: str | None) -> bool:
    """Return whether a recipe file says `task: referring`; an unreadable one does not."""
    if file is None or not Path(file).is_file():
        return False
    try:
        content = load_yaml(Path(file), ConfigError)
    except ConfigError:
        return False
    return isinstance(content, dict) and content.get('task') == REFERRING


def _config_files(arguments: Sequence[str]) -> list[Path]:
    """Return the files that `--config FILE` and `--config=FILE` name, as far as they are there."""
    names = [after for word, after in pairwise(arguments) if word == '--config']
    names += [word.partition('=')[2] for word in arguments if word.startswith('--config=')]
    return [Path(name) for name in names if os.path.lexists(name)]


def recipe_of(values: dict[str, Any], kind: type[AnyRecipe]) -> AnyRecipe:
    """Return the recipe that plain nested values describe, as `RunConfig.to_dict` gives them.

    Raises:
        ConfigError: A name or a type is wrong, a value is out of range, or values contradict each
            other.
    """
    parser = _parser(kind, exit_on_error=False)
    try:
        blocks = parser.instantiate(parser.parse_object(values))
    except (ArgumentError, TypeError) as error:
        raise ConfigError(f'The recipe does not fit: {error}') from error
    return kind(**{name: blocks[name] for name in values})


def _parser(kind: type[AnyRecipe], *, exit_on_error: bool = True) -> ArgumentParser:
    parser = ArgumentParser(
        prog='mmseg_ros train',
        description='Train a model from a recipe.',
        exit_on_error=exit_on_error,
    )
    parser.add_argument('--config', action=ActionConfigFile, help='Recipe as YAML.')
    parser.add_class_arguments(kind)
    return parser


def _parse(arguments: Sequence[str], kind: type[AnyRecipe]) -> AnyRecipe:
    parser = _parser(kind)
    for file in _config_files(arguments):
        load_yaml(file, ConfigError)  # before a parser without limits reads it
    values = parser.parse_args(list(arguments)).as_dict()
    values.pop('config')
    blocks = parser.instantiate(parser.parse_object(values))
    return kind(**{name: blocks[name] for name in values})
