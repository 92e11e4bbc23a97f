"""Progress goes to stderr, as a line per part where there is no terminal."""

import re

import pytest

from mmseg_ros.commands.progress import Phases, progress_bar


def test_a_line_per_part_without_a_terminal(capsys):
    phases = Phases(2)
    for text in ('first', 'second'):
        with phases.phase(text) as told:
            told(1, 2)
    captured = capsys.readouterr()
    assert captured.out == ''
    lines = captured.err.splitlines()
    assert re.fullmatch(r'\[1/2\] first: \d+\.\d s', lines[0])
    assert lines[1].startswith('[2/2] second')


def test_a_failing_part_is_not_announced_as_done(capsys):
    with pytest.raises(RuntimeError), Phases(1).phase('part'):
        raise RuntimeError
    assert capsys.readouterr().err == ''


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    pytest.importorskip('rich')
    monkeypatch.setattr('sys.stderr.isatty', lambda: True, raising=False)
    with progress_bar('working') as told:
        told(1, 4)
        told(4, 4)
