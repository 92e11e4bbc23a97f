"""Several sources and bundles: one that fails costs only itself; --verify; the leaderboard."""

import csv
import json

import numpy as np
import pytest

from mmseg_ros import cli
from mmseg_ros.commands import evaluate
from mmseg_ros.commands.leaderboard import segmentation_bundles
from mmseg_ros.commands.scored import Scored, metrics_text
from mmseg_ros.core.errors import BagError, EvaluationError
from mmseg_ros.evaluation.stopping import never
from mmseg_ros.evaluation.verification import require_same


def metrics_of(source, bundle, miou, labels='aa'):
    score = {'labels': labels, 'pixels': {'correct': 1, 'total': 2, 'classes': {}}}
    row = {'available': ['rgb'], 'miou': miou, 'pixel_accuracy': 0.5, 'ece': 0.1, 'class_iou': {}}
    return {
        'bag': {'name': str(source)},
        'bundle': {'name': bundle},
        'recorded': [row],
        'robustness': [{'missing': [], 'retained': 1.0}, {'missing': ['rgb'], 'retained': 0.25}],
        'frames': [{'name': '1', 'available': 'rgb', 'scores': {'rgb': score}}],
    }


@pytest.fixture
def scored(monkeypatch):
    """Score by name: the source's length; sources called bad fail. Return what was asked for."""
    asked = []

    def score(args, source, bundle, stopped=never):
        asked.append((source.name, bundle))
        if source.name == 'bad':
            raise BagError('bad holds no topic.')
        labels = f'{len(asked)}' if bundle == 'random' else 'aa'
        return Scored(metrics_of(source, bundle, 0.1 * len(bundle), labels), 'scores\n')

    monkeypatch.setattr(evaluate, 'score_source', score)
    return asked


def test_every_pair_is_scored_and_a_failing_one_costs_only_itself(scored, tmp_path, capsys):
    out = tmp_path / 'out'
    command = ['evaluate', 'a', 'bad', 'c', '--bundle', 'x', '--bundle', 'xyz', '--output', out]
    assert cli.main([str(word) for word in command]) == 1
    assert scored == [(s, b) for s in ('a', 'bad', 'c') for b in ('x', 'xyz')]
    said = capsys.readouterr()
    assert said.err.count('bad holds no topic.') == 2
    rows = list(csv.DictReader((out / 'summary.csv').open()))
    assert [(row['source'], row['bundle'], bool(row['fault'])) for row in rows] == [
        (s, b, s == 'bad') for s in ('a', 'bad', 'c') for b in ('x', 'xyz')
    ]
    assert rows[1]['worst_subset_keeps'] == '0.25'
    assert json.loads((out / 'c/xyz/metrics.json').read_text())['bundle']['name'] == 'xyz'
    table = said.out.splitlines()[-8:-2]
    assert table[0].startswith('a xyz')
    summary = json.loads((out / 'summary.json').read_text())
    assert [pair['miou'] for pair in summary['pairs'] if not pair['fault']] == [
        pytest.approx(value) for value in (0.1, 0.3, 0.1, 0.3)
    ]
    page = (out / 'summary.html').read_text()
    assert '<a href="c/xyz/report.html">' in page
    assert page.count('bad holds no topic.') == 2
    assert '--export-masks DIR keeps the labels' in page
    assert 'failed' in table[-1], 'best first, failed last'


def test_a_run_in_which_all_fails_leaves_nothing(scored, tmp_path):
    out = tmp_path / 'out'
    assert (
        cli.main(['evaluate', 'bad', '--bundle', 'x', '--bundle', 'y', '--output', str(out)]) == 1
    )
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


def test_a_name_without_unicode_is_escaped_in_tables(scored, tmp_path):
    words = ['evaluate', 'caf\udce9', 'b', '--output', str(tmp_path / 'out')]
    assert cli.main(words) == 0
    assert 'caf\\udce9,' in (tmp_path / 'out/summary.csv').read_text()


def test_two_pairs_never_share_a_folder(scored, tmp_path, capsys):
    words = ['evaluate', 'one/drive', 'two/drive', '--output', str(tmp_path / 'out')]
    assert cli.main(words) == 1
    assert 'would both write' in capsys.readouterr().err
    assert scored == []


def test_verify_runs_twice_and_names_where_runs_differ(scored, tmp_path, capsys):
    words = ['evaluate', 'a', '--output', str(tmp_path), '--verify', '--bundle']
    assert cli.main([*words, 'steady']) == 0
    assert len(scored) == 2
    assert 'verified: two runs gave the same 1 label images' in capsys.readouterr().out
    assert cli.main([*words, 'random']) == 1
    assert 'Two runs differ: frame 1, labels with rgb' in capsys.readouterr().err


def test_differences_outside_the_frames_are_found():
    one, other = (metrics_of('a', 'b', miou) for miou in (0.5, 0.6))
    with pytest.raises(EvaluationError, match=r'recorded: .*0.5.* against .*0.6'):
        require_same(one, other, [metrics_text(one), metrics_text(other)])
    shorter = {**one, 'frames': []}
    with pytest.raises(EvaluationError, match='frame 1 against none'):
        require_same(one, shorter, [metrics_text(one), metrics_text(shorter)])
    with pytest.raises(EvaluationError, match='the files, though not their values'):
        require_same(one, one, ['a', 'b'])


def test_metrics_text_is_json_with_one_line_per_frame():
    metrics = {'b': 1, 'a': {'c': [1, 2]}, 'frames': [{'name': '1'}, {'name': '2'}]}
    text = metrics_text(metrics)
    assert json.loads(text) == metrics
    assert '    {"name":"1"},\n    {"name":"2"}\n' in text
    assert json.loads(metrics_text({**metrics, 'frames': []}))['frames'] == []
    with pytest.raises(ValueError, match='JSON'):
        metrics_text({'frames': [{'x': np.nan}]})


def test_the_leaderboard_takes_every_bundle_with_classes(scored, tmp_path, capsys):
    names = segmentation_bundles()
    assert 'stitchfusion-b0-sim' in names
    assert not any('crossvlt' in name for name in names)
    words = ['leaderboard', 'drive', '--output', str(tmp_path), '--bundle', 'mine']
    assert cli.main(words) == 0
    assert [bundle for _, bundle in scored] == [*names, 'mine']
    rows = list(csv.DictReader((tmp_path / 'summary.csv').open()))
    assert len(rows) == len(names) + 1
    assert capsys.readouterr().out.count('mIoU') == len(rows)
