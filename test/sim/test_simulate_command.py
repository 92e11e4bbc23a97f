import pytest

from mmseg_ros.cli import main
from mmseg_ros.commands import simulate
from mmseg_ros.sim import recording
from mmseg_ros.sim import sequence as drive
from mmseg_ros.sim.world import weather


def test_the_choices_are_those_of_the_simulator():
    assert simulate.CONDITIONS == weather.CONDITIONS
    assert simulate.FAILURES == weather.FAILURES
    assert simulate.RENDERERS == drive.RENDERERS
    assert simulate.DEPTH_ENCODINGS == recording.DEPTH_ENCODINGS


def test_help_shows_both_layouts(capsys):
    with pytest.raises(SystemExit):
        main(['simulate', '--help'])
    text = capsys.readouterr().out
    assert '--layout deliver' in text
    assert '--layout bag' in text


@pytest.mark.parametrize(
    ('arguments', 'word'),
    [
        ([], '--out'),
        (['--out', 'x', '--source', 'y'], '--faults'),
        (['--out', 'x', '--layout', 'bag', '--theme', 'moon'], 'moon'),
        (['--out', 'x', '--layout', 'bag', '--clock', 'radar=10'], 'radar'),
    ],
)
def test_wrong_use_is_explained(arguments, word, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(['simulate', *arguments]) == 1
    assert word in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_data_set_is_written_and_not_written_again(tmp_path, capsys):
    arguments = [
        'simulate', '--scenes', '1', '--frames', '1', '--height', '24', '--width', '40',
        '--condition', 'cloud', '--jobs', '1', '--out', str(tmp_path / 'set'),
    ]  # fmt: skip
    assert main(arguments) == 0
    assert '1 written now' in capsys.readouterr().err
    assert main(arguments) == 0
    assert '0 written now' in capsys.readouterr().err
    assert len(list((tmp_path / 'set').glob('*/cloud/train/*/000000_*.png'))) == 5
