"""What a recipe reads and is not on this machine, for a dry run, which reads none of it."""

from __future__ import annotations

from pathlib import Path

from mmseg_models.encoders.efficientnet_keys import IMAGENET
from mmseg_models.training.config import Recipe
from mmseg_models.training.referring_config import ReferringRecipe


def missing_inputs(recipe: Recipe | ReferringRecipe) -> list[tuple[str, str]]:
    """Return (field, path) of each data set and file of weights that is not there.

    Args:
        recipe: As it would be trained. What it simulates first need not be there.
    """
    named = [('init_from', recipe.init_from)]
    if isinstance(recipe, Recipe):
        named.append(('model.pretrained', recipe.model.pretrained))
        roots = [('data.root', recipe.data.root)]
    else:
        named += [
            ('pretrained', recipe.pretrained),
            ('pretrained_text', recipe.pretrained_text),
            ('encoder_from', recipe.encoder_from),
            ('data.vocabulary', recipe.data.vocabulary),
            ('data.images_in', recipe.data.images_in),
        ]
        roots = [('data.roots', root) for root in recipe.data.roots]
    if recipe.data.simulate:
        del roots[0]
    given = [(name, path) for name, path in roots + named if path not in ('', IMAGENET)]
    return [(name, path) for name, path in given if not Path(path).exists()]


def text_of_missing(recipe: Recipe | ReferringRecipe) -> str:
    """Return a line for a terminal for each; nothing if all is there."""
    return ''.join(
        f'{"not found":17} {path} ({name}); the training needs it\n'
        for name, path in missing_inputs(recipe)
    )
