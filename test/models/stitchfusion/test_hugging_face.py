"""A SegFormer of Hugging Face, with random weights, answers as `transformers` does."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from mmseg_models.import_authors import import_authors_model
from mmseg_ros.cli import main
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.bundle import CARD_FILE, load_bundle

transformers = pytest.importorskip('transformers')
SIZE = (64, 96)


@pytest.fixture(scope='module')
def theirs(tmp_path_factory):
    """Return a SegFormer-B0 of 19 classes and the folder it was saved to."""
    torch.manual_seed(0)
    model = transformers.SegformerForSemanticSegmentation(
        transformers.SegformerConfig(num_labels=19)
    )
    norm = model.decode_head.batch_norm
    torch.nn.init.normal_(model.decode_head.classifier.weight, std=1.0)
    torch.nn.init.uniform_(norm.running_var, 0.01, 0.1)
    torch.nn.init.normal_(norm.running_mean, std=0.1)
    folder = tmp_path_factory.mktemp('segformer')
    model.save_pretrained(folder)
    return model.eval(), folder


def test_logits_are_those_of_transformers(theirs):
    model, folder = theirs
    ours = import_authors_model(folder, 'segformer', ['rgb']).eval()
    assert (ours.options['encoder'], ours.options['decoder_dim']) == ('mit_b0', 256)
    x = torch.randn(1, 3, *SIZE)
    with torch.no_grad():
        logits = model(pixel_values=x).logits
        expected = functional.interpolate(logits, SIZE, mode='bilinear')
        found = ours(x[:, None])
    assert expected.std() > 0.01
    assert (found - expected).abs().max() < 1e-3 * expected.abs().max()
    alone = import_authors_model(folder / 'model.safetensors', 'segformer', ['rgb']).eval()
    with torch.no_grad():
        torch.testing.assert_close(alone(x[:, None]), found)


def test_the_verb_makes_a_bundle_and_its_card(theirs, tmp_path):
    model, folder = theirs
    command = ['import-checkpoint', str(folder), '--model', 'segformer', '--modalities', 'rgb']
    command += ['--labels', 'cityscapes', '--height', '64', '--width', '96']
    assert main([*command, '--output', str(tmp_path / 'bundle')]) == 0
    bundle = load_bundle(tmp_path / 'bundle')
    (spec,) = bundle.manifest.modalities
    assert (spec.mean, spec.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert (bundle.path / CARD_FILE).is_file()
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    backend = create_backend('onnxruntime')
    backend.load(bundle)
    labels = backend.infer(image[None], np.array([True])).labels
    backend.close()
    x = (image / 255.0 - np.array(spec.mean)) / np.array(spec.std)
    with torch.no_grad():
        logits = model(pixel_values=torch.from_numpy(x.transpose(2, 0, 1)[None]).float()).logits
    expected = functional.interpolate(logits, SIZE, mode='bilinear').argmax(1)[0].numpy()
    assert len(np.unique(expected)) > 1
    assert (labels == expected).mean() > 0.99


def test_what_is_no_segformer_is_named(theirs, tmp_path):
    _, folder = theirs
    with pytest.raises(ConfigError, match='one modality'):
        import_authors_model(folder, 'segformer', ['rgb', 'depth'])
    with pytest.raises(ConfigError, match=r'has neither model\.safetensors'):
        import_authors_model(tmp_path, 'segformer', ['rgb'])
    config = {'architectures': ['SegformerForImageClassification']}
    (tmp_path / 'config.json').write_text(json.dumps(config))
    with pytest.raises(ConfigError, match='SegformerForImageClassification, not'):
        import_authors_model(tmp_path, 'segformer', ['rgb'])
    torch.save({'a': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(ConfigError, match='is no SegformerForSemanticSegmentation'):
        import_authors_model(tmp_path / 'other.pth', 'segformer', ['rgb'])
