"""import-onnx: a network of transformers becomes a bundle that `evaluate` scores."""

import json
import warnings

import cv2
import numpy as np
import pytest

from mmseg_ros.cli import main
from mmseg_ros.core.labels import load_label_space

torch = pytest.importorskip('torch')
transformers = pytest.importorskip('transformers')

SIZE = (64, 96)
MEAN, STD = ('0.485', '0.456', '0.406'), ('0.229', '0.224', '0.225')


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).logits


@pytest.fixture
def segformer(tmp_path):
    """Return a small SegFormer of 11 classes, and its ONNX file."""
    torch.manual_seed(1)
    config = transformers.SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 16, 16, 16],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=16,
        num_labels=11,
    )
    model = transformers.SegformerForSemanticSegmentation(config).eval()
    torch.nn.init.normal_(model.decode_head.classifier.weight, std=1.0)
    path = tmp_path / 'segformer.onnx'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            Logits(model).eval(),
            (torch.zeros(1, 3, *SIZE),),
            str(path),
            input_names=['pixel_values'],
            output_names=['logits'],
            opset_version=17,
            dynamo=False,
        )
    return model, path


@pytest.fixture
def camvid(tmp_path):
    """Return a data set of one picture whose truth is what the network says."""
    for folder in ('test', 'testannot'):
        (tmp_path / 'camvid' / folder).mkdir(parents=True)
    cells = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    image = cv2.resize(cells, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / 'camvid/test/a.png'), image[..., ::-1])
    return tmp_path / 'camvid', image


def test_a_transformers_network_scores_as_it_does_at_home(segformer, camvid, tmp_path, capsys):
    model, file = segformer
    root, image = camvid
    bundle = str(tmp_path / 'bundle')
    command = ['import-onnx', str(file), '--modalities', 'rgb', '--mean', *MEAN, '--std', *STD]
    command += ['--labels', 'camvid.yaml', '--input-name', 'pixel_values', '--output', bundle]
    assert main(command) == 0
    assert 'logits: logits, 16 x 24' in capsys.readouterr().out
    x = (image / 255.0 - np.array(MEAN, float)) / np.array(STD, float)
    pixels = torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float32))
    with torch.no_grad():
        logits = model(pixel_values=pixels).logits
    labels = torch.nn.functional.interpolate(logits, SIZE, mode='bilinear').argmax(1)[0].numpy()
    assert len(np.unique(labels)) > 1
    cv2.imwrite(str(root / 'testannot/a.png'), labels.astype(np.uint8))
    out = tmp_path / 'out'
    command = ['evaluate', str(root), '--bundle', bundle, '--split', 'test', '--output', str(out)]
    assert main(command) == 0
    (row,) = json.loads((out / 'metrics.json').read_text())['scores']
    assert row['pixel_accuracy'] > 0.99
    assert set(row['class_iou']) == set(load_label_space('camvid').names)


def test_the_reason_is_printed(segformer, tmp_path, capsys):
    _, file = segformer
    command = ['import-onnx', str(file), '--modalities', 'rgb', '--output', str(tmp_path / 'b')]
    command += ['--mean', *MEAN, '--std', *STD]
    assert main([*command, '--labels', 'cityscapes']) == 1
    assert '11 x 16 x 24: neither axis of classes has 19' in capsys.readouterr().err
    assert not (tmp_path / 'b').exists()
    assert main([*command, '--labels', 'no_such_space.yaml']) == 1
    assert 'no_such_space.yaml' in capsys.readouterr().err
