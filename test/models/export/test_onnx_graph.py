import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from mmseg_models.export.onnx_graph import Answer, Normalization, write_graph


def test_confidence_is_the_softmax_at_its_maximum():
    logits = torch.randn(1, 7, 6, 9, generator=torch.Generator().manual_seed(1)) * 4
    labels, confidence = Answer(6, 9)(logits)
    expected = logits.softmax(dim=1).max(dim=1)
    assert torch.equal(labels.long(), expected.indices)
    assert torch.equal(confidence.float(), (255 * expected.values).round())


def test_the_answer_comes_at_the_size_asked_for_by_bilinear_logits():
    logits = torch.randn(1, 7, 6, 9, generator=torch.Generator().manual_seed(1))
    labels, _ = Answer(24, 36)(logits)
    up = torch.nn.functional.interpolate(logits, size=(24, 36), mode='bilinear')
    assert torch.equal(labels.long(), up.argmax(dim=1))


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_scores_that_are_no_numbers_have_confidence_zero_and_others_never(bad):
    logits = torch.randn(1, 25, 4, 5, generator=torch.Generator().manual_seed(1))
    logits[0, 3, 1, 2] = bad
    _, confidence = Answer(4, 5)(logits)
    assert confidence[0, 1, 2] == 0
    assert (confidence == 0).sum() == 1
    _, flat = Answer(4, 5)(torch.zeros(1, 255, 4, 5))
    assert (flat == 1).all()


def test_normalization_takes_the_statistics_of_the_images_it_gets():
    mean = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    std = mean / 2
    images = torch.randint(0, 256, (1, 3, 4, 5, 3), dtype=torch.uint8)
    whole = Normalization(mean, std)(images)
    expected = (images.numpy() / 255 - mean.numpy()[None, :, None, None]) / std.numpy()[
        None, :, None, None
    ]
    np.testing.assert_allclose(whole.numpy(), expected.transpose(0, 1, 4, 2, 3), atol=1e-5)
    part = Normalization(mean, std)(images[:, [0, 2]], torch.tensor([0, 2]))
    assert torch.equal(part, whole[:, [0, 2]])


class NormedConvolution(torch.nn.Module):
    """A convolution and a batch norm, with numbers that do not depend on the processor."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 32, 3, bias=False)
        self.norm = torch.nn.BatchNorm2d(32)
        rng = np.random.default_rng(0)
        with torch.no_grad():
            for values in (self.conv.weight, self.norm.weight, self.norm.running_mean):
                values.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, values.shape)))

    def forward(self, image):
        return self.norm(self.conv(image))


@pytest.mark.parametrize('fold_norms', [True, False])
def test_a_graph_that_does_not_fold_norms_reads_the_weights_as_trained(tmp_path, fold_norms):
    layer, image = NormedConvolution().eval(), torch.ones(1, 3, 8, 8)
    path = tmp_path / 'layer.onnx'
    write_graph(layer, {'image': image}, ('sums',), path, fold_norms=fold_norms)
    graph = onnx.load(path).graph
    assert [node.op_type for node in graph.node] == ['Conv', 'BatchNormalization'][
        : 2 - fold_norms
    ]
    weights = [numpy_helper.to_array(item) for item in graph.initializer]
    own = layer.conv.weight.detach().numpy()
    assert any(np.array_equal(found, own) for found in weights) is not fold_norms
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    (found,) = session.run(None, {'image': image.numpy()})
    np.testing.assert_allclose(found, layer(image).detach().numpy(), rtol=1e-4)
