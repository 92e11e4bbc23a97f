"""No argument of any verb prints a traceback, hangs or leaves anything behind."""

import argparse
import importlib.util
from pathlib import Path

import pytest

from mmseg_ros import cli
from mmseg_ros.commands.remote_files import place

MOST_SAID = (4000, 20_000)  # a leaderboard has a line a bundle, the trainer shows all fields
OF_ROS = ('play', 'record', 'prompt', 'demo', 'up', 'view')
LEGAL_FOLDERS = ('', 'caf\udce9', 'two\nlines', '<script>alert(1)</script>', 'nan', '-1')
NUMBERS = ['nan', 'inf', '-inf', '-1', '1' + '0' * 30, '9' * 5000, '', 'x', '0x10', '٣', '1e999']
NAMES = {
    'over-long': 'n' * 300,
    'absurdly long': 'p/' * 3000,
    'huge': 'x' * 200_000,
    'unwritable': '/proc/nowhere/at/all',
    'empty': '',
    'a device': '/dev/null',
    'no Unicode': 'caf\udce9',
    'a line break': 'two\nlines',
    'markup': '<script>alert(1)</script>',
}


def actions(verb):
    """Return the verb's arguments, without --help."""
    parser = cli.build_parser(verb)
    choices = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    return [a for a in choices[verb]._actions if a.dest != 'help']


def given(verb, hostile, value):
    """Return a command line whose other arguments name what does not exist."""
    words = []
    for action in actions(verb):
        if action.dest == hostile.dest or action.required:
            text = value if action.dest == hostile.dest else 'nothing-there'
            count = action.nargs if isinstance(action.nargs, int) else 1
            words += [*action.option_strings[-1:], *[text] * count]
    if verb in ('benchmark', 'demo') and hostile.dest != 'bundle':
        words += ['--bundle', 'nothing-there']
    return [verb, *words]


def outcome(argv, capfd):
    """Run one command line; return its status and what it said."""
    try:
        status = cli.main(argv)
    except SystemExit as end:
        status = end.code
    said = capfd.readouterr()
    return status, said.err + said.out


VERBS = [
    pytest.param(verb, marks=pytest.mark.ros if verb in OF_ROS else ())
    for verb in cli.VERBS
    if verb != 'info' and (verb not in OF_ROS or importlib.util.find_spec('rclpy'))
]


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    work = tmp_path / 'work'
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize('verb', VERBS)
def test_hostile_values_are_explained_in_a_few_words(verb, empty, capfd):
    for action in actions(verb):
        takes_number = action.type not in (None, Path)
        if verb in OF_ROS and not takes_number:
            continue  # a name is a topic or node to wait for: these programs would run
        for value in NUMBERS if takes_number else [*NAMES.values(), 'nan', '-1']:
            if action.dest == 'out' and value in LEGAL_FOLDERS:
                continue
            if action.nargs == 0 or (takes_number and _is_fine(action, value)):
                continue
            status, text = outcome(given(verb, action, value), capfd)
            where = f'{verb} {action.dest} {value[:30]!r}: {text[-600:]}'
            assert status in (1, 2), where
            assert 'Traceback' not in text, where
            assert text.strip(), where
            assert len(text) < MOST_SAID[verb == 'train'] + 2 * len(value), where
    assert not [p for p in empty.rglob('*') if p.is_file()], 'files of a failed command stay'


def _is_fine(action, value):
    try:
        action.type(value)
    except (argparse.ArgumentTypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize('verb', VERBS)
def test_every_number_has_limits(verb):
    """What int and float read has none, and NaN passes."""
    for action in actions(verb):
        assert action.choices or action.type not in (int, float), action.option_strings
        if action.type in (None, Path, place) or action.choices:
            continue
        with pytest.raises((argparse.ArgumentTypeError, ValueError)):
            action.type('nan')


def test_a_nul_is_wrong_usage(empty, capfd):
    status, text = outcome(['inspect', 'a\0b'], capfd)
    assert status == 2
    assert 'NUL' in text
