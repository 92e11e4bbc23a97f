"""Recipe files and command-line overrides -> `Recipe`."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ActionConfigFile, ArgumentParser

from mmseg_models.training.config import Recipe


def parse_recipe(arguments: Sequence[str]) -> Recipe:
    """Return the recipe that `--config FILE --section.key VALUE ...` describes.

    Later arguments win over earlier ones, all of them over the defaults. `--print_config` prints
    the result as YAML and ends the program; so does a wrong name or type, with exit code 2.

    Raises:
        ConfigError: A value is out of range or values contradict each other.
    """
    parser = ArgumentParser(prog='mmseg_ros train', description='Train a model from a recipe.')
    parser.add_argument('--config', action=ActionConfigFile, help='Recipe as YAML.')
    parser.add_class_arguments(Recipe)
    values = parser.parse_args(list(arguments)).as_dict()
    values.pop('config')
    blocks = parser.instantiate(parser.parse_object(values))
    return Recipe(**{name: blocks[name] for name in values})
