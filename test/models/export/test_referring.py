"""A small CrossVLT with random weights, from a training run's file to masks by every runtime."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmseg_models import create_model
from mmseg_models.encoders.swin import SWIN_CONFIGS, SwinConfig
from mmseg_models.export import referring_parity
from mmseg_models.export.referring_bundle import (
    referring_manifest_of,
    write_referring_bundle,
)
from mmseg_models.training.referring_checkpoint import ReferringInfo, save_referring
from mmseg_ros.cli import main
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.referring.bundle import load_referring_bundle
from mmseg_ros.referring.segmenter import load_segmenter

VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'the', 'red', 'blue', 'car', 'on', 'left']


@pytest.fixture(scope='module')
def trained():
    """Return a network whose masks differ from sentence to text prompt, and what it is for."""
    patch = pytest.MonkeyPatch()
    patch.setitem(SWIN_CONFIGS, 'swin_test', SwinConfig(16, (1, 1, 1, 1), (1, 2, 2, 4), 4))
    torch.manual_seed(0)
    model = create_model(
        'crossvlt',
        encoder='swin_test',
        text='bert_short',
        vocabulary_size=len(VOCABULARY),
        depths=(1, 0, 0, 0),
        align_dim=8,
        head_dim=8,
        decoder_dim=16,
        coordinates=True,
    )
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())
    info = ReferringInfo(
        model='crossvlt',
        options=model.options,
        vocabulary=VOCABULARY,
        max_tokens=8,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        height=64,
        width=96,
        step=3,
        metrics={'miou': 0.25},
        recipe={'run_dir': '/home/somebody/runs', 'data': {'roots': ['/data/streets']}},
    )
    yield model.eval(), info
    patch.undo()


@pytest.fixture(scope='module')
def bundle(trained, tmp_path_factory):
    run = tmp_path_factory.mktemp('run')
    save_referring(run / 'best.safetensors', trained[0].state_dict(), trained[1])
    path = run / 'zoo' / 'small'
    assert main(['export', str(run), '--output', str(path)]) == 0
    return load_referring_bundle(path)


IMAGE = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8).repeat(16, 0).repeat(16, 1)
SENTENCES = ('the red car', 'blue car on the left', 'car')


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino', 'torch'])
def test_every_runtime_answers_as_the_network_does(trained, bundle, backend):
    model, info = trained
    segmenter = load_segmenter(str(bundle.path), backend, threads=1)
    found = segmenter.segment(IMAGE, SENTENCES).probability
    rows = [[2, 4, 5, 7, 3, 0, 0, 0], [2, 6, 7, 8, 4, 9, 3, 0], [2, 7, 3, 0, 0, 0, 0, 0]]
    token_ids = torch.tensor(rows)
    with torch.inference_mode():
        logits = model(info.normalized(torch.from_numpy(IMAGE)[None]), token_ids, token_ids > 0)
    expected = 1 + 254 * logits.softmax(dim=1)[:, 1].numpy()
    assert np.abs(found - expected).max() <= 2
    assert len({mask.tobytes() for mask in found}) == len(SENTENCES)
    alone = segmenter.segment(IMAGE, SENTENCES[:1]).probability[0]
    assert np.abs(alone.astype(int) - found[0].astype(int)).max() <= 1
    segmenter.close()


def test_graphs_share_the_weights_and_the_folders_of_the_machine_stay_out(bundle):
    files = bundle.manifest.files
    assert files['segmenter.onnx'].bytes + files['text_encoder.onnx'].bytes < 400_000
    numbers = sum(
        tensor.numel() for tensor in load_file(bundle.path / 'model.safetensors').values()
    )
    assert files['model.safetensors'].bytes < 2.1 * numbers  # half precision, as it loses nothing
    assert files['model.constants'].bytes < 0.5 * files['model.safetensors'].bytes
    recipe = bundle.manifest.training['recipe']
    assert 'run_dir' not in recipe
    assert recipe['data']['roots'] == ['streets']
    assert (bundle.path / 'vocab.txt').read_text().split() == VOCABULARY
    assert '0.2500' in (bundle.path / 'README.md').read_text()


def test_the_other_verbs_know_what_it_is(bundle, capsys):
    with pytest.raises(BundleError, match=r'give it to the parameter referring\.bundle'):
        load_bundle(bundle.path)
    assert main(['build-engine', str(bundle.path)]) == 1
    assert 'referring' in capsys.readouterr().err


def test_fp16_and_a_external_vocabulary_are_rejected(trained, tmp_path, capsys):
    model, info = trained
    save_referring(tmp_path / 'best.safetensors', model.state_dict(), info)
    words = ['export', str(tmp_path), '--output', str(tmp_path / 'b'), '--precision', 'fp16']
    assert main(words) == 1
    assert 'exported in fp32' in capsys.readouterr().err
    manifest = referring_manifest_of(info, 'b', 'Apache-2.0')
    with pytest.raises(BundleError, match='knows 10 tokens'):
        write_referring_bundle(model, manifest, VOCABULARY[:-1], tmp_path / 'b')
    assert not (tmp_path / 'b').exists()


def test_graphs_that_answer_otherwise_make_no_bundle(trained, tmp_path, monkeypatch):
    model, info = trained
    monkeypatch.setattr(referring_parity, 'LARGEST_STEPS', -1)
    manifest = referring_manifest_of(info, 'b', 'Apache-2.0')
    with pytest.raises(BundleError, match='differ from torch'):
        write_referring_bundle(model, manifest, VOCABULARY, tmp_path / 'b')
    assert list(tmp_path.iterdir()) == []
