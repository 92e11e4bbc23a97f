"""constraints.txt holds what `make setup` installs, in the versions of constraints.in, by hash."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPTIONAL = re.compile(r'tensorrt|cuda|mitsuba|drjit|pyoidn|cffi|trimesh|ray$')
"""Extras that `make setup` leaves out."""


def normalized(name):
    return re.sub(r'[-_.]+', '-', name).lower()


def chosen():
    """Return the versions of constraints.in by name."""
    lines = (ROOT / 'constraints.in').read_text().splitlines()
    found = (re.match(r'([\w.-]+)==([^\s#]+)', line) for line in lines)
    return {normalized(match[1]): match[2] for match in found if match}


def installed():
    """Return version and number of hashes of what constraints.txt lists, by name."""
    text = (ROOT / 'constraints.txt').read_text()
    blocks = re.split(r'\n(?=[\w])', text)
    found = ((re.match(r'([\w.-]+)==([^\s\\;]+)', b), b.count('--hash=sha256:')) for b in blocks)
    return {normalized(match[1]): (match[2], hashes) for match, hashes in found if match}


def test_versions_are_those_of_the_list_kept_by_hand():
    there = installed()
    for name, version in chosen().items():
        if name in there:
            assert there[name][0] == version, f'{name}: run `make pins`'
        else:
            assert OPTIONAL.match(name), f'{name}: run `make pins`'


def test_everything_has_a_hash():
    there = installed()
    assert len(there) > 100
    assert all(hashes for _, hashes in there.values())


def test_every_requirement_of_the_extras_is_listed():
    text = (ROOT / 'setup.py').read_text()
    wanted = re.search(r'EXTRAS := (\S+)', (ROOT / 'Makefile').read_text())[1].split(',')
    there = installed()
    for extra in wanted:
        block = re.search(rf"'{extra}': \[(.*?)\]\s*[,}}]\n", text, re.DOTALL)[1]
        for requirement in re.findall(r"'([\w.-]+)", block):
            assert normalized(requirement) in there, f'{requirement}: run `make pins`'


def test_no_host_is_named():
    assert '://' not in (ROOT / 'constraints.txt').read_text()
