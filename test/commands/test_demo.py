"""The verb hands its options on and ends with two lines and the report's path."""

from pathlib import Path

from mmseg_ros import cli
from mmseg_ros.core.errors import MmsegError
from mmseg_ros.demo import run as demo_run


def test_ends_with_the_summary_and_the_path(monkeypatch, capsys, tmp_path):
    seen = []

    def run_demo(options, progress):
        seen.append(options)
        with progress.phase('working') as told:
            told(1, 1)
        return demo_run.DemoResult(options.output / 'report.html', ['one line', 'another'])

    monkeypatch.setattr(demo_run, 'run_demo', run_demo)
    monkeypatch.chdir(tmp_path)
    assert cli.main(['demo', '--duration', '12', '--seed', '4', '--output', 'here']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ['', 'one line', 'another', str(tmp_path / 'here/report.html')]
    assert (seen[0].duration_s, seen[0].seed) == (12.0, 4)
    assert seen[0].cache == tmp_path / 'out/cache'
    assert cli.main(['demo']) == 0
    assert seen[1].output == Path.cwd() / 'out/demo'


def test_a_failure_is_one_message_and_status_1(monkeypatch, capsys):
    def run_demo(options, progress):
        raise MmsegError('The node ended with status 3.')

    monkeypatch.setattr(demo_run, 'run_demo', run_demo)
    assert cli.main(['demo']) == 1
    assert 'The node ended with status 3.' in capsys.readouterr().err
