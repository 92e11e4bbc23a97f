"""An interrupted evaluation keeps what is done, and --resume ends it like a whole run."""

import os
import signal

import pytest

from mmseg_ros import cli
from mmseg_ros.commands import evaluate
from mmseg_ros.commands.interruption import Interruption
from mmseg_ros.datasets.tiny import write_tiny_dataset

INTERRUPTED = 130


@pytest.fixture
def sets(tmp_path):
    for seed, name in enumerate(('day', 'night', 'rain')):
        write_tiny_dataset(tmp_path / name, {'val': 3}, height=32, width=64, seed=seed)
    return [str(tmp_path / name) for name in ('day', 'night', 'rain')]


@pytest.fixture
def asked(monkeypatch):
    """Note which sources are scored; a source named in `interrupted` gets a SIGINT first."""
    scored, interrupted = [], set()
    real = evaluate.score_source

    def score(args, source, bundle, stopped):
        scored.append(source.name)
        if source.name in interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        return real(args, source, bundle, stopped)

    monkeypatch.setattr(evaluate, 'score_source', score)
    return scored, interrupted


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_resumed_results_equal_those_of_a_whole_run(sets, asked, make_bundle, tmp_path, capsys):
    scored, interrupted = asked
    bundle = make_bundle()
    command = ['evaluate', *sets, '--bundle', str(bundle.path), '--backend', 'onnxruntime']
    assert cli.main([*command, '--output', str(tmp_path / 'whole')]) == 0
    out = tmp_path / 'out'
    interrupted.add('night')
    assert cli.main([*command, '--output', str(out)]) == INTERRUPTED
    said = capsys.readouterr().err
    assert 'interrupted after 1 of 3 pairs; the same command with --resume' in said
    assert scored == ['day', 'night', 'rain', 'day', 'night'], 'rain is not begun'
    assert b'"interrupted"' in (out / 'night/tiny/metrics.json').read_bytes()
    assert (out / 'summary.csv').read_text().count('\n') == 2
    stamp = (out / 'day/tiny/metrics.json').stat().st_mtime_ns
    interrupted.clear()
    assert cli.main([*command, '--output', str(out), '--resume']) == 0
    assert scored[5:] == ['night', 'rain'], 'what is finished is not done again'
    assert (out / 'day/tiny/metrics.json').stat().st_mtime_ns == stamp
    whole = files(tmp_path / 'whole')
    assert files(out) == whole
    assert len(whole) == 3 * 4 + 3


def test_what_changed_is_done_again(sets, asked, make_bundle, tmp_path):
    scored, _ = asked
    bundle = make_bundle()
    words = ['evaluate', sets[0], '--bundle', str(bundle.path), '--backend', 'onnxruntime']
    words += ['--output', str(tmp_path / 'out'), '--resume']
    assert cli.main(words) == cli.main(words) == 0
    assert len(scored) == 1
    assert cli.main([*words, '--subsets', 'none']) == 0
    assert len(scored) == 2, 'another option'
    label = next((tmp_path / 'day').glob('semantic/*/val/*/*.png'))
    label.write_bytes(label.read_bytes())
    assert cli.main([*words, '--subsets', 'none']) == 0
    assert len(scored) == 3, 'a file of the source was written'
    (tmp_path / 'out/metrics.json').write_text('{"cut')
    assert cli.main([*words, '--subsets', 'none']) == 0
    assert len(scored) == 4, 'the result is damaged'


def test_a_second_interrupt_ends_at_once(capsys):
    with Interruption() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert 'interrupt again to end at once' in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):  # afterwards one is enough again
        os.kill(os.getpid(), signal.SIGINT)
