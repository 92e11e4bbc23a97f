import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from mmseg_models.export.folded_padding import fold_padding
from mmseg_models.export.onnx_graph import write_graph

IMAGE = np.random.default_rng(0).normal(size=(1, 4, 9, 12)).astype(np.float32)


class Padded(nn.Module):
    """A convolution with stride, padded more on two sides, as TensorFlow does."""

    def __init__(self, mode, value, sides):
        super().__init__()
        self.how = {'mode': mode} if value is None else {'mode': mode, 'value': value}
        self.sides = sides
        self.layer = nn.Conv2d(4, 8, 3, 2, padding=(1, 0))

    def forward(self, image):
        return self.layer(functional.pad(image, self.sides, **self.how))


def folded(tmp_path, *how):
    """Return both graphs after a check that they answer alike."""
    torch.manual_seed(0)
    path = tmp_path / 'graph.onnx'
    write_graph(Padded(*how), {'image': torch.from_numpy(IMAGE)}, ('y',), path)
    before, after = onnx.load(path), onnx.load(path)
    fold_padding(after.graph)
    onnx.checker.check_model(after, full_check=True)
    found = [
        onnxruntime.InferenceSession(
            model.SerializeToString(), providers=['CPUExecutionProvider']
        ).run(None, {'image': IMAGE})[0]
        for model in (before, after)
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-5)
    return [[node.op_type for node in model.graph.node] for model in (before, after)]


def test_zeros_become_the_padding_of_the_convolution(tmp_path):
    before, after = folded(tmp_path, 'constant', None, (0, 1, 2, 1))
    assert 'Pad' in before
    assert after == ['Conv']


@pytest.mark.parametrize(
    'how',
    [
        ('constant', 1.0, (0, 1, 0, 1)),
        ('reflect', None, (0, 1, 0, 1)),
        ('constant', 0.0, (0, -1, 0, 1)),
    ],
)
def test_other_padding_stays(tmp_path, how):
    before, after = folded(tmp_path, *how)
    assert after == before
    assert 'Pad' in after
