import numpy as np
import onnx
import pytest
import torch
from torch import nn

from mmseg_models.export import spared_layers
from mmseg_models.export.onnx_graph import Answer, write_graph
from mmseg_models.export.spared_layers import quantise_within_gate

LAYERS = 6
SIZE = (16, 24)


class Labels(nn.Module):
    """Convolutions, and labels from the last one."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv2d(16, 16, 1, bias=False) for _ in range(LAYERS)))
        self.answer = Answer(*SIZE)
        rng = np.random.default_rng(0)
        with torch.no_grad():
            for values in self.layers.parameters():
                values.copy_(torch.from_numpy(rng.normal(scale=0.4, size=values.shape)))

    def forward(self, images, members):
        x = images.permute(0, 1, 4, 2, 3)[0].float() + members.reshape(-1, 1, 1, 1)
        return self.answer(self.layers(x / 255))


@pytest.fixture
def exported(tmp_path):
    """Return the graph's file, and inputs for two subsets."""
    rng = np.random.default_rng(1)
    path = tmp_path / 'graph.onnx'
    feeds = [
        {
            'images': rng.integers(0, 256, (1, 1, *SIZE, 16), np.uint8),
            'members': np.array([member]),
        }
        for member in (0, 1, 0, 1)
    ]
    examples = {name: torch.from_numpy(values) for name, values in feeds[0].items()}
    write_graph(Labels().eval(), examples, ('labels', 'confidence'), path)
    return path, feeds


def in_float(path):
    graph = onnx.load(path).graph
    made_by = {node.output[0]: node.op_type for node in graph.node}
    return [
        made_by.get(node.input[1]) != 'DequantizeLinear'
        for node in graph.node
        if node.op_type == 'Conv'
    ]


def test_nothing_is_spared_where_the_gate_holds(exported):
    path, feeds = exported
    assert quantise_within_gate(path, feeds, feeds) == 0
    assert in_float(path) == [False] * LAYERS


def test_the_last_layers_stay_float_until_the_gate_holds(exported, monkeypatch):
    path, feeds = exported
    asked = []

    def answers(graph, probes, exact=spared_layers._answers):
        asked.append(graph)
        found = exact(graph, probes)
        if len(asked) in (2, 3):  # with 0 and 4 layers in float: one subset is too far off
            found[feeds[1]['members'].tobytes()][0][1] += spared_layers.ROOM.confidence + 1
        return found

    monkeypatch.setattr(spared_layers, 'SPARED', (0, 2, 4, 6))
    monkeypatch.setattr(spared_layers, '_answers', answers)
    assert quantise_within_gate(path, feeds, feeds) == 4
    assert in_float(path) == [False, False, True, True, True, True]


def test_labels_that_differ_count_in_each_subset(exported, monkeypatch):
    path, feeds = exported
    exact = spared_layers._answers(path.read_bytes(), feeds)
    assert spared_layers._is_within(exact, exact)
    key = feeds[1]['members'].tobytes()
    other = {name: [answer.copy() for answer in found] for name, found in exact.items()}
    other[key][0][0, 0, :1] += 1  # 24 of 768 pixels: 96.9 %
    assert spared_layers._is_within(other, exact)
    other[key][0][0, 0, :2] += 1
    assert not spared_layers._is_within(other, exact)
