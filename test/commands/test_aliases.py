"""The verbs of 0.1 still work and mean the same."""

import pytest

from mmseg_ros.cli import VERBS, main
from mmseg_ros.commands.aliases import modern


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        (['refer', 'a.png', 'the car'], ['segment-text', 'a.png', 'the car']),
        (['say', ''], ['prompt', '']),
        (
            ['export-open', '--precision', 'fp16', 'b', 'f.onnx'],
            ['export', '--dynamic', '--precision', 'fp16', 'b', '--output', 'f.onnx'],
        ),
        (['export-open', 'b'], ['export', '--dynamic', 'b']),
        (['evaluate', 'refer'], ['evaluate', 'refer']),
        (['--version'], ['--version']),
        ([], []),
    ],
)
def test_old_words_become_new_ones(old, new):
    assert modern(old) == new


@pytest.mark.parametrize('verb', ['refer', 'say', 'export-open'])
def test_old_verbs_are_hidden_and_run(verb, capsys):
    assert verb not in VERBS
    with pytest.raises(SystemExit) as stop:
        main([verb, '--help'])
    assert stop.value.code == 0
    assert modern([verb])[0] in capsys.readouterr().out
