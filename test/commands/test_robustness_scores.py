"""`evaluate --robustness`: its files, what it says, and how it is taken up again."""

import csv
import json

import numpy as np
import pytest

from mmseg_ros import cli
from mmseg_ros.commands import robustness_scores
from mmseg_ros.datasets.tiny import ROAD, SKY, write_tiny_dataset
from mmseg_ros.evaluation import network
from mmseg_ros.inference.backend import Prediction


class DarkIsRoad:
    """Labels road where the camera is dark, else sky; without a camera everything is sky."""

    name, precision = 'fake', 'fp32'

    def load(self, bundle):
        pass

    def warm_up(self):
        pass

    def settle(self, timeout_s=0.0):
        return True

    def close(self):
        pass

    def infer(self, images, available):
        labels = np.where(images[0].mean(axis=2) < 60 * available[0], ROAD, SKY).astype(np.uint8)
        return Prediction(labels, np.full(labels.shape, 204, np.uint8))


@pytest.fixture
def command(tmp_path, make_bundle, monkeypatch):
    monkeypatch.setattr(network, 'create_backend', lambda *_: DarkIsRoad())
    write_tiny_dataset(tmp_path / 'set', {'val': 3}, height=32, width=64)
    bundle = make_bundle()
    words = ['evaluate', tmp_path / 'set', '--bundle', bundle.path]
    words += ['--robustness', '--quick', '--output', tmp_path / 'out']
    return [str(word) for word in words]


def test_one_matrix_as_json_csv_and_page(command, tmp_path, capsys):
    assert cli.main(command) == 0
    out = tmp_path / 'out'
    content = json.loads((out / 'robustness.json').read_text())
    assert content['options']['quick'] is True
    assert content['source'] == {'name': 'set', 'moments': 3}
    kinds = [row['fault'] for row in content['faults']]
    assert (kinds.count('given'), kinds.count('noise'), len(kinds)) == (15, 4, 15 + 4 + 5)
    assert content['faults'][0]['kept'] == 1.0
    assert 'sweep a bag' in content['not_run']['delay']
    assert 'EMM, RMM, NM' in content['not_run'], 'this bundle has no network that torch can build'
    rows = list(csv.DictReader((out / 'robustness.csv').open()))
    assert [row['fault'] for row in rows] == kinds
    assert rows[0]['bundle'] == 'tiny'
    page = (out / 'robustness.html').read_text()
    assert page.count('<svg') == 1
    assert 'not run: delay: a data set holds aligned images' in capsys.readouterr().out


def test_a_finished_sweep_is_not_done_again(command, tmp_path, monkeypatch, capsys):
    assert cli.main(command) == 0
    before = {p: p.read_bytes() for p in (tmp_path / 'out').rglob('*') if p.is_file()}
    monkeypatch.setattr(robustness_scores, 'sweep_options', lambda args: 1 / 0)
    assert cli.main([*command, '--resume']) == 0
    assert 'is finished already' in capsys.readouterr().out
    after = {p: p.read_bytes() for p in (tmp_path / 'out').rglob('*') if p.is_file()}
    assert after == before


@pytest.mark.parametrize('option', [['--verify'], ['--protocol', 'emm'], ['--export-masks', 'x']])
def test_options_of_the_plain_evaluation_are_rejected(option, command, capsys):
    assert cli.main([*command, *option]) == 1
    assert '--robustness runs EMM, RMM and NM by itself' in capsys.readouterr().err
