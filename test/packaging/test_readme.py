"""What the README tells a new user to type exists and parses; its links and files are there."""

import re
import shlex
from pathlib import Path

import pytest

from mmseg_ros.cli import VERBS, build_parser

ROOT = Path(__file__).parents[2]
README = (ROOT / 'README.md').read_text()


def _commands() -> list[str]:
    blocks = re.findall(r'```bash\n(.*?)```', README, re.DOTALL)
    lines = [line.split('#')[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize('command', [c for c in _commands() if '-m mmseg_ros ' in c])
def test_every_verb_of_the_readme_parses(command):
    words = shlex.split(command.split('-m mmseg_ros ')[1])
    assert words[0] in VERBS
    arguments, overrides = build_parser(words[0]).parse_known_args(words)
    if words[0] == 'train':
        pytest.importorskip('jsonargparse')
        from mmseg_models.training.recipe_parser import parse_any_recipe

        recipe = str(ROOT / arguments.config)
        parse_any_recipe(recipe, ['--config', recipe, *overrides])
    else:
        assert not overrides


def test_make_targets_exist():
    targets = re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    named = [shlex.split(c)[1] for c in _commands() if c.startswith('make ')]
    assert named
    assert set(named) <= set(targets)


def test_files_and_modules_of_the_readme_exist():
    for link in re.findall(r'\]\(([^)#]+)', README):
        assert (ROOT / link).exists(), link
    for path in re.findall(r'(?:config|models|docs)/[\w./-]+\.(?:yaml|md)', README):
        assert (ROOT / path).is_file(), path
    for module in re.findall(r'-m (mmseg_ros(?:\.\w+)+)', README):
        assert (ROOT / (module.replace('.', '/') + '.py')).is_file(), module


def test_topics_of_the_readme_are_those_of_the_node():
    folder = ROOT / 'mmseg_ros'
    files = [*(folder / 'ros').glob('*.py'), folder / 'messages' / 'results.py']
    source = ''.join(path.read_text() for path in files)
    topics = re.findall(r'^\| `(~?/[\w/]+)`', README, re.MULTILINE)
    assert '~/labels' in topics
    for topic in topics:
        assert topic in source, f'{topic} is in the README but not in the node'
