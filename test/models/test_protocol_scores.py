"""EMM, RMM and NM over a data set, with a network whose answer is known."""

import pytest
import torch
from torch import nn

from mmseg_models import protocol_scores
from mmseg_models.protocol_scores import expected_miou, missing_sets, score_protocols
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.deliver import DeliverDataset
from mmseg_ros.datasets.tiny import write_tiny_dataset

NAMES = ('rgb', 'depth', 'event', 'lidar')


class _SeesOnlyDepth(nn.Module):
    """Says road where depth has a value, and sky where it was zeroed; notes availability."""

    available: list[bool]
    runs = 0

    def forward(self, images_BMCHW, available_BM):
        self.runs += 1
        self.available = available_BM.tolist()[0]
        there = images_BMCHW[:, 1].abs().sum(1) > 0
        logits = torch.zeros((1, 25, *there.shape[1:]))
        logits[:, 6][there] = 1.0
        logits[:, 12][~there] = 1.0
        return logits


@pytest.fixture
def scored(tmp_path, make_bundle, monkeypatch):
    write_tiny_dataset(tmp_path / 'set', {'val': 2}, height=32, width=64)
    network = _SeesOnlyDepth()
    monkeypatch.setattr(protocol_scores, 'bundled_model', lambda bundle: network)
    frames = DeliverDataset(tmp_path / 'set', 'val', NAMES, load_label_space())
    return make_bundle(NAMES), frames, network


def test_every_set_of_missing_modalities_is_scored_but_that_of_all():
    missing = missing_sets(NAMES)
    assert len(missing) == len(set(missing)) == 15
    assert missing[0] == ()
    assert max(map(len, missing)) == 3


def test_expectation_follows_the_published_formula():
    miou = {missing: 10.0 * len(missing) for missing in missing_sets(NAMES)}
    p = 0.2
    by_size = {0: 1, 1: 4, 2: 6, 3: 4}
    total = sum(n * 10 * k * p**k * (1 - p) ** (4 - k) for k, n in by_size.items())
    assert expected_miou(miou, 4, p) == pytest.approx(total / (1 - p**4))


def test_the_network_is_not_told_what_is_missing(scored):
    bundle, frames, network = scored
    emm = score_protocols(bundle, frames, ['emm'])['emm']
    assert network.available == [True] * 4
    assert len(emm['missing']) == 15
    seen, blind = emm['missing']['none'], emm['missing']['depth']
    assert seen != blind
    for missing, value in emm['missing'].items():
        assert value == (blind if 'depth' in missing else seen)
    assert emm['average'] == pytest.approx((8 * seen + 7 * blind) / 15, abs=0.01)
    assert set(emm['expected']) == {'0.2', '0.1', '0.05'}


def test_all_protocols_are_repeatable_and_counted(scored):
    bundle, frames, _ = scored
    told = []
    first = score_protocols(bundle, frames, ['rmm', 'nm'], lambda *at: told.append(at))
    assert first == score_protocols(bundle, frames, ['rmm', 'nm'])
    assert told == [(1, 2), (2, 2)]
    assert set(first) == {'rmm', 'nm'}
    assert set(first['rmm']) == {'0.25', '0.5', '0.75'}
    assert set(first['nm']) == {'low', 'mid', 'high'}
    assert first['rmm']['0.25']['missing']['none'] == first['rmm']['0.75']['missing']['none']


def test_what_no_protocol_degrades_runs_once_per_frame(scored):
    bundle, frames, network = scored
    alone = score_protocols(bundle, frames, ['emm'])
    network.runs = 0
    together = score_protocols(bundle, frames, ['emm', 'rmm', 'nm'])
    assert network.runs == len(frames) * (1 + 14 * (1 + 3) + 3)
    assert together['emm'] == alone['emm']
    for rate in together['rmm'].values():
        assert rate['missing']['none'] == together['emm']['missing']['none']


def test_freed_memory_serves_again_under_the_network(scored, monkeypatch):
    """`evaluate` asks before that large arrays go back to the system: half of the time here."""
    bundle, frames, network = scored
    asked = []
    monkeypatch.setattr(protocol_scores, 'keep_freed_memory', lambda: asked.append(network.runs))
    score_protocols(bundle, frames, ['emm'])
    assert asked == [0]


def test_an_unknown_protocol_is_named(scored):
    bundle, frames, _ = scored
    with pytest.raises(ConfigError, match='xmm'):
        score_protocols(bundle, frames, ['xmm'])
