"""`mmseg_ros train`: train a model from a recipe."""

from __future__ import annotations

import argparse
import logging
import os
from typing import TYPE_CHECKING

from mmseg_ros.core.freed_memory import keep_freed_memory

if TYPE_CHECKING:
    from mmseg_models.training.config import Recipe
    from mmseg_models.training.referring_config import ReferringRecipe

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the verb; the recipe's own parser reads its arguments."""
    parser.add_argument('--config', metavar='FILE', help='recipe, see models/recipes/')
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help="build everything and take two steps on generated data of the recipe's shapes; "
        'prints parameters, memory and the time it would take',
    )
    parser.add_argument(
        '--estimate-memory',
        action='store_true',
        help='print parameters and the memory that a step would take, computed from the shapes; '
        'takes no step and needs neither data nor that memory',
    )
    parser.epilog = """Every field of a recipe can be given here: --section.key VALUE.
--print_config shows all of them with the values that would be used.

examples:
  mmseg_ros train --config models/recipes/smoke.yaml
  mmseg_ros train --config models/recipes/smoke.yaml --resume auto
  mmseg_ros train --config models/recipes/smoke.yaml --steps 60 --run_dir runs/b
  mmseg_ros train --config models/recipes/smoke.yaml --print_config
  mmseg_ros train --config models/recipes/published/mle_sam_muses.yaml --data.root MUSES --dry-run
  mmseg_ros train --config models/recipes/published/mle_sam_muses.yaml --estimate-memory
  mmseg_ros train --config models/recipes/crossvlt_small_coarse_sim.yaml --data.roots '[DATA]'
  torchrun --nproc-per-node 4 -m mmseg_ros train --config models/recipes/smoke.yaml
"""


def run(args: argparse.Namespace) -> int:
    """Train, and print the final mIoU per sensor subset, or per kind of text prompt."""
    from mmseg_models.training.legs import train_legs
    from mmseg_models.training.recipe_parser import parse_any_recipe

    config = ['--config', args.config] if args.config else []
    recipe = parse_any_recipe(args.config, [*config, *args.overrides])
    is_first_process = os.environ.get('RANK', '0') == '0'
    logging.basicConfig(
        level=logging.INFO if is_first_process else logging.WARNING,
        format='%(asctime)s %(levelname)s %(message)s',
        datefmt='%H:%M:%S',
    )
    if args.dry_run or args.estimate_memory:
        return _try(recipe, takes_steps=args.dry_run)
    keep_freed_memory()
    scores = train_legs(recipe)
    if is_first_process:
        for name, score in scores.items():
            print(f'{score["miou"]:.3f}  {name}')
        print(f'best weights: {recipe.run_dir}/best.safetensors')
    return 0


def _try(recipe: Recipe | ReferringRecipe, takes_steps: bool) -> int:
    from mmseg_models.training.dry_run import dry_run
    from mmseg_models.training.legs import leg_recipes
    from mmseg_models.training.memory import estimate_memory
    from mmseg_models.training.missing_inputs import text_of_missing

    for name, value in recipe.published.items():
        print(f'{name:17} {value}')
    legs = leg_recipes(recipe)
    print(text_of_missing(legs[0]), end='')
    for leg in legs:
        print(estimate_memory(leg).text(), end='', flush=True)
        if takes_steps:
            print(dry_run(leg).text(), end='')
    return 0
