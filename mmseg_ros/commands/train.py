"""`mmseg_ros train`: train a model from a recipe."""

from __future__ import annotations

import argparse
import logging
import os

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the verb; the recipe's own parser reads its arguments."""
    parser.add_argument('--config', metavar='FILE', help='recipe, see models/recipes/')
    parser.epilog = """Every field of a recipe can be given here: --section.key VALUE.
--print_config shows all of them with the values that would be used.

examples:
  mmseg_ros train --config models/recipes/smoke.yaml
  mmseg_ros train --config models/recipes/smoke.yaml --resume auto
  mmseg_ros train --config models/recipes/smoke.yaml --steps 60 --run_dir runs/b
  mmseg_ros train --config models/recipes/smoke.yaml --print_config
  mmseg_ros train --config models/recipes/crossvlt_small_coarse_sim.yaml --data.roots '[DATA]'
  torchrun --nproc-per-node 4 -m mmseg_ros train --config models/recipes/smoke.yaml
"""


def run(args: argparse.Namespace) -> int:
    """Train, and print the final mIoU per sensor subset, or per kind of text prompt."""
    from mmseg_models.training.engine import train
    from mmseg_models.training.recipe_parser import parse_any_recipe

    config = ['--config', args.config] if args.config else []
    recipe = parse_any_recipe(args.config, [*config, *args.overrides])
    is_first_process = os.environ.get('RANK', '0') == '0'
    logging.basicConfig(
        level=logging.INFO if is_first_process else logging.WARNING,
        format='%(asctime)s %(levelname)s %(message)s',
        datefmt='%H:%M:%S',
    )
    scores = train(recipe)
    if is_first_process:
        for name, score in scores.items():
            print(f'{score["miou"]:.3f}  {name}')
        print(f'best weights: {recipe.run_dir}/best.safetensors')
    return 0
