"""A recipe of several legs: runs one after the other, each from the best weights of the last."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeVar

from mmseg_models.training.checkpoint import latest_checkpoint, step_of
from mmseg_models.training.config import Recipe
from mmseg_models.training.engine import train
from mmseg_models.training.recipe_parser import recipe_of
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_models.training.trained_weights import BEST_FILE
from mmseg_ros.core.errors import ConfigError

LOG = logging.getLogger(__name__)
SET_BY_LEGS = ('run_dir', 'init_from', 'resume', 'legs')
"""What a leg cannot say: they follow from its place in the row."""

AnyRecipe = TypeVar('AnyRecipe', bound=Recipe | ReferringRecipe)


def train_legs(recipe: AnyRecipe) -> dict[str, dict[str, Any]]:
    """Train a recipe, leg by leg if it has legs; return the final scores as `engine.train` does.

    With `resume: auto` legs that are done are skipped, and the one that was stopped goes on.

    Raises:
        ConfigError: A leg names an unknown field or one that is not its to set.
        TrainingError: As `engine.train`.
    """
    *earlier, last = leg_recipes(recipe)
    for leg in earlier:
        if _is_done(leg):
            LOG.info('%s is done', leg.run_dir)
            continue
        LOG.info('%s: %d steps', leg.run_dir, leg.steps)
        train(leg)
    return train(last)


def leg_recipes(recipe: AnyRecipe) -> list[AnyRecipe]:
    """Return the recipes of all legs, or the recipe itself if it has none.

    Leg n of N writes into `run_dir/leg_n`, the last one into `run_dir`, so that a run folder is
    exported the same way with and without legs. The first starts as the recipe says.

    Raises:
        ConfigError: See `train_legs`.
    """
    if not recipe.legs:
        return [recipe]
    base = {**recipe.to_dict(), 'legs': []}
    recipes: list[AnyRecipe] = []
    for number, changes in enumerate(recipe.legs, 1):
        _require_own_fields(number, changes)
        values = _merged(base, changes)
        if number < len(recipe.legs):
            values['run_dir'] = str(Path(recipe.run_dir) / f'leg_{number}')
        if recipes:
            values['init_from'] = str(Path(recipes[-1].run_dir) / BEST_FILE)
        recipes.append(recipe_of(values, type(recipe)))
    return recipes


def _require_own_fields(number: int, changes: dict[str, Any]) -> None:
    if taken := [name for name in SET_BY_LEGS if name in changes]:
        raise ConfigError(
            f'Leg {number} sets {", ".join(taken)}, which follow from its place; set them once, '
            'outside legs.'
        )


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` in it, block by block; lists are replaced as a whole."""
    result = dict(base)
    for name, value in changes.items():
        inner = result.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            result[name] = _merged(inner, value)
        else:
            result[name] = value
    return result


def _is_done(recipe: Recipe | ReferringRecipe) -> bool:
    """Return whether a leg took its last step and left its best weights."""
    run_dir = Path(recipe.run_dir)
    newest = latest_checkpoint(run_dir) if recipe.resume == 'auto' else None
    return (
        newest is not None and step_of(newest) >= recipe.steps and (run_dir / BEST_FILE).is_file()
    )
