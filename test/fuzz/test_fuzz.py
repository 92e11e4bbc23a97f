"""The fuzzer finds what it should, and no reader raises anything but the project's errors."""

import random
import sys
from pathlib import Path

import pytest

pytest.importorskip('hypothesis')
sys.path.insert(0, str(Path(__file__).parent))

import fuzz
from hypothesis import given, settings
from hypothesis import strategies as st
from mutation import mutated
from targets import Target, all_targets

from mmseg_ros.core.errors import MmsegError


@pytest.fixture(scope='module')
def targets(tmp_path_factory):
    return all_targets(tmp_path_factory.mktemp('fuzz'))


def give(target, data):
    try:
        target.read(data)
    except MmsegError:
        return


def test_every_reader_is_there(targets):
    names = ' '.join(target.name for target in targets)
    for word in ('rgb', 'depth', 'event', 'lidar', 'camera_info', 'evt3', 'libcaer', 'bag',
                 'bundle', 'calibration', 'manifest', 'text prompts', 'label space'):  # fmt: skip
        assert word in names


def test_seeds_are_read(targets):
    damaged = ('bundle', 'trained', 'events', 'checkpoint')
    for target in targets:
        if not target.name.startswith(damaged):
            for seed in target.seeds:
                target.read(seed)


def test_damaged_inputs_cost_no_more_than_an_error(targets):
    rng = random.Random(1)
    for target in targets:
        for _ in range(40):
            give(target, mutated(rng.choice(target.seeds), rng))


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_cost_no_more_than_an_error(targets, data):
    for target in targets:
        if target.name.startswith(('message', 'events', 'text', 'manifest')):
            give(target, data)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=600))
def test_any_text_is_a_prompt_or_an_error(targets, text):
    target = next(t for t in targets if t.name == 'text prompts')
    give(target, text.encode('utf-8', 'replace'))


def test_a_fault_is_counted_once_by_kind_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fuzz, 'KEPT', tmp_path)

    def read(data):
        if data[:1] == b'x':
            raise KeyError('x')
        raise MmsegError('no')

    tally = fuzz.Tally(Target('reader', [b'a'], read))
    for data in (b'a', b'x', b'xy'):
        tally.give(data)
    assert (tally.inputs, tally.rejected, tally.faults.total()) == (3, 1, 2)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == b'x'
    assert capsys.readouterr().out.count('FAULT') == 1
    assert '| reader | 3 | 0 | 1 | 2 |' in fuzz.table([tally], 1, 0)


def test_mutation_is_repeatable_and_changes_something():
    one, two = (mutated(bytes(200), random.Random(3)) for _ in range(2))
    assert one == two
    assert any(mutated(bytes(200), random.Random(k)) != bytes(200) for k in range(3))
