"""`compare`: the table, the files and the exit status that CI acts on."""

import csv
import json

import pytest

from mmseg_ros import cli

RIGHTS = (40, 55, 70, 30, 62, 48, 51, 66)


def write_scores(path, rights):
    frames = []
    for i, right in enumerate(rights):
        classes = {'0': [right, 100], '1': [0, 100 - right]}
        pixels = {'correct': right, 'total': 100, 'classes': classes}
        score = {'labels': 'a', 'pixels': pixels}
        frames.append(
            {'name': f'{i}', 'condition': '', 'available': 'rgb', 'scores': {'rgb': score}}
        )
    metrics = {
        'bundle': {'name': path.name},
        'bag': {'name': 'drive'},
        'label_space': {'id': 'two', 'fingerprint': 'f', 'classes': ['road', 'car']},
        'frames': frames,
    }
    path.mkdir()
    (path / 'metrics.json').write_text(json.dumps(metrics))
    return str(path)


@pytest.fixture
def old(tmp_path):
    return write_scores(tmp_path / 'old', RIGHTS)


@pytest.fixture
def better(tmp_path):
    return write_scores(tmp_path / 'better', [right + 4 for right in RIGHTS])


def test_the_status_says_whether_every_demand_is_met(old, better, capsys):
    assert cli.main(['compare', old, better, '--fail-if-worse']) == 0
    assert 'better' in capsys.readouterr().out
    assert cli.main(['compare', better, old]) == 0, 'nothing was demanded'
    assert cli.main(['compare', better, old, '--fail-if-worse']) == 3
    assert 'miou is worse: -0.02' in capsys.readouterr().err
    worse_elsewhere = ['compare', better, old, '--fail-if-worse', '--metric', 'iou/car']
    assert cli.main(worse_elsewhere) == 0
    assert cli.main(['compare', old, better, '--fail-below', 'pixel_accuracy=0.56']) == 0
    assert cli.main(['compare', old, better, '--fail-below', 'pixel_accuracy=0.57']) == 3
    assert 'pixel_accuracy is 0.5675, below 0.57' in capsys.readouterr().err


def test_unknown_scores_and_files_that_do_not_match_are_errors(old, better, tmp_path, capsys):
    assert cli.main(['compare', old, better, '--fail-below', 'iou/bus=0.5']) == 1
    assert "no score 'iou/bus'; there are: miou, pixel_accuracy" in capsys.readouterr().err
    fewer = write_scores(tmp_path / 'fewer', RIGHTS[:5])
    assert cli.main(['compare', old, fewer]) == 1
    assert '3 are only in the first (5, 6, 7)' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(['compare', old, better, '--fail-below', 'miou=nan'])


def test_files_hold_what_is_printed_the_same_in_every_run(old, better, tmp_path):
    texts = []
    for name in ('one', 'two'):
        out = tmp_path / name
        assert cli.main(['compare', old, better, '--output', str(out), '--seed', '3']) == 0
        texts.append((out / 'compare.json').read_text())
    assert texts[0] == texts[1]
    scores = {row['metric']: row for row in json.loads(texts[0])['scores']}
    assert scores['pixel_accuracy']['difference'] == 0.04
    table = list(csv.DictReader((out / 'compare.csv').open()))
    assert [row['metric'] for row in table] == list(scores)
    page = (out / 'report.html').read_text()
    assert '<svg' in page
    assert 'drawn with replacement' in page
