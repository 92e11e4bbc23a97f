"""constraints.txt holds what `make setup` installs, in the versions of constraints.in, by hash."""

import ast
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


def extras():
    """Return the distributions of each extra of setup.py."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    (value,) = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == 'extras_require'
    )
    found = ast.literal_eval(value)
    return {
        extra: [normalized(re.match(r'[\w.-]+', name)[0]) for name in names]
        for extra, names in found.items()
    }


def of_set_up():
    """Return the extras that `make setup` installs."""
    return re.search(r'EXTRAS := (\S+)', (ROOT / 'Makefile').read_text())[1].split(',')


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


def test_every_requirement_of_the_extras_of_set_up_is_listed_by_hash():
    there = installed()
    for extra in of_set_up():
        for name in extras()[extra]:
            assert name in there, f'{name}: run `make pins`'


def test_every_extra_has_its_version_chosen():
    """Extras that `make setup` leaves out are installed with `--constraint constraints.in`."""
    versions, there = chosen(), installed()
    for extra, names in extras().items():
        assert names
        for name in names:
            assert name in versions or name in there, f'{name} of {extra}: add to constraints.in'


def test_extras_left_out_of_set_up_are_the_large_ones():
    assert set(extras()) - set(of_set_up()) == {'gpu', 'tensorrt-rtx', 'fleet', 'mitsuba'}


def test_no_host_is_named():
    assert '://' not in (ROOT / 'constraints.txt').read_text()
