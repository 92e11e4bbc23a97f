"""Progress goes to stderr, as a line per part where there is no terminal."""

import re

import pytest

from mmseg_ros.commands.progress import Phases, clock, progress_bar


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


def test_lines_with_the_time_left_without_a_terminal(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr('mmseg_ros.commands.progress.time.monotonic', lambda: now[0])
    with progress_bar('scoring') as told:
        for second in range(1, 26):
            now[0] = 100.0 + second
            told(second, 100)
    assert capsys.readouterr().err.splitlines() == [
        'scoring: 10 of 100, about 1 min 30 s left',
        'scoring: 20 of 100, about 1 min 20 s left',
    ]
    assert [clock(s) for s in (0.4, 59.4, 3599, 7260)] == [
        '0 s', '59 s', '59 min 59 s', '2 h 01 min',
    ]  # fmt: skip
