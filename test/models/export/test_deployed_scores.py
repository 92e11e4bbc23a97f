import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from mmseg_models.export import bundle as bundle_module
from mmseg_models.export import deployed_scores
from mmseg_models.export.bundle import ExportData, write_bundle
from mmseg_models.export.calibration import calibration_images, masked_feeds, subset_feeds
from mmseg_models.export.deployed import deployed_graph, deployed_network
from mmseg_models.export.deployed_scores import DeployedScores
from mmseg_ros.cli import main
from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.modalities import DELIVER_FOLDERS
from mmseg_ros.datasets.deliver import LABEL_FOLDER, DeliverDataset
from mmseg_ros.datasets.tiny import write_tiny_dataset
from mmseg_ros.inference.backend import available_backends
from mmseg_ros.inference.bundle import load_bundle

NAMES = ('rgb', 'depth', 'lidar')
CLASSES = 25
SUBSETS = ['rgb+depth+lidar', 'rgb+depth', 'rgb+lidar', 'depth+lidar']


@pytest.fixture
def network(small_model, manifest, monkeypatch):
    """Return a maker of a network that answers three classes, and of its bundle's manifest."""
    # Of an untrained network, whose scores lie close together.
    monkeypatch.setitem(deployed_scores.LARGEST_LOSS, 'int8', 0.05)

    def make(precision='fp32'):
        model = small_model(num_classes=CLASSES)
        with torch.no_grad():
            model.head.bias[3:] -= 10.0
        return model, replace(manifest(num_classes=CLASSES), precision=precision)

    return make


@pytest.fixture
def frames(network, tmp_path):
    """Return a maker of data sets whose labels are what the network answers."""
    root = tmp_path / 'frames'
    write_tiny_dataset(root, {'train': 3, 'val': 2}, height=32, width=64)
    model, manifest = network()
    graph = deployed_graph(model, manifest)
    for path in sorted((root / 'img').rglob('*.png')):
        planes = [
            cv2.imread(str(sibling(root, path, DELIVER_FOLDERS[name])))[..., ::-1]
            for name in NAMES
        ]
        with torch.inference_mode():
            labels = graph(torch.tensor(np.stack(planes))[None], torch.ones(1, 3, dtype=bool))[0]
        cv2.imwrite(str(sibling(root, path, LABEL_FOLDER)), labels[0].numpy() + 1)
    return lambda split: DeliverDataset(root, split, NAMES, manifest.label_space)


def sibling(root, path, folder):
    name = path.name.replace('_rgb', f'_{folder[1]}')
    return root / folder[0] / path.relative_to(root / 'img').with_name(name)


@pytest.mark.parametrize('precision', ['fp32', 'int8'])
def test_manifest_and_card_tell_what_the_graphs_lose(network, frames, tmp_path, precision):
    model, manifest = network(precision)
    data = ExportData(frames('train') if precision == 'int8' else None, frames('val'))
    bundle = write_bundle(model, manifest, tmp_path / 'small', data=data)
    scores = load_bundle(bundle.path).manifest.metrics['deployed']
    runtimes = [name for name in ('openvino', 'onnxruntime') if name in available_backends()]
    assert list(scores) == [
        'data',
        'torch',
        *runtimes,
        *(f'{name}, graph for all subsets' for name in runtimes),
    ]
    assert scores['data'] == 'frames, val, 2 frames'
    assert list(scores['torch']) == SUBSETS
    assert scores['torch']['rgb+depth+lidar'] == 1.0
    assert 0 < scores['torch']['rgb+depth'] < 1.0
    for name, row in scores.items():
        if name not in ('data', 'torch'):
            subsets = SUBSETS[:1] if name.endswith('graph for all subsets') else SUBSETS
            expected = {subset: scores['torch'][subset] for subset in subsets}
            assert row == pytest.approx(expected, abs=0.05 if precision == 'int8' else 1e-3)
    assert bundle.manifest.metrics['all'] == {'miou': 0.25}
    card = (bundle.path / 'README.md').read_text()
    assert '| modalities there | torch | openvino | onnxruntime | openvino, graph for' in card
    assert '| rgb+depth+lidar | 1.0000 |' in card
    assert 'deployed' not in card


def test_graphs_that_score_worse_are_rejected_and_nothing_is_left(
    network, frames, tmp_path, monkeypatch
):
    model, manifest = network()
    write = bundle_module.write_subset_graph

    def write_other(graph, *rest):
        head = graph.model.head
        kept = head.bias.clone()
        with torch.no_grad():
            head.bias[0] += 0.2
            write(graph, *rest)
            head.bias.copy_(kept)

    monkeypatch.setattr(bundle_module, 'write_subset_graph', write_other)
    monkeypatch.setattr(bundle_module, 'check_parity', lambda *_, **__: [])
    message = r'fp32 graphs lose 0\.\d+ mIoU on \w+ for the subset .*frames, val, 2 frames'
    with pytest.raises(BundleError, match=message):
        write_bundle(model, manifest, tmp_path / 'small', data=ExportData(scored=frames('val')))
    assert [path.name for path in tmp_path.iterdir()] == ['frames']


def test_the_worst_loss_is_found_in_both_kinds_of_graphs():
    torch_row = {'a+b': 0.5, 'a': 0.4}
    scores = DeployedScores('d', torch_row, {'x': {'a+b': 0.49, 'a': 0.45}}, {'x': torch_row})
    assert scores.worst() == ('x', 'a+b', pytest.approx(0.01))
    scores = DeployedScores('d', torch_row, {'x': torch_row}, {'y': {'a+b': 0.6, 'a': 0.3}})
    assert scores.worst() == ('y', 'a', pytest.approx(0.1))


def test_frames_without_labels_are_rejected(network, frames, tmp_path):
    model, manifest = network()
    scored = frames('val')
    for path in (scored.root / LABEL_FOLDER[0]).rglob('*.png'):
        cv2.imwrite(str(path), np.zeros((32, 64), np.uint8))
    with pytest.raises(BundleError, match='No pixel of frames, val, 2 frames is labeled'):
        write_bundle(model, manifest, tmp_path / 'small', data=ExportData(scored=scored))


def test_int8_needs_frames_to_calibrate_on(network, tmp_path):
    with pytest.raises(BundleError, match='pass --calibrate-on DATA_SET'):
        write_bundle(*network('int8'), tmp_path / 'small')
    assert list(tmp_path.iterdir()) == []


def test_calibration_sees_every_subset_and_the_size_of_the_network(network, frames):
    manifest = network()[1]
    images = calibration_images(frames('train'), manifest)
    assert [image.shape for image in images] == [(3, 32, 64, 3)] * 3
    masks = [tuple(feed['available'][0].tolist()) for feed in masked_feeds(images * 3)]
    assert len(masks) == 9
    assert len(set(masks[:7])) == 7
    assert (False,) * 3 not in masks
    served = [(0, 1), (0, 2)]
    feeds = list(subset_feeds(images, served))
    assert [feed['members'].tolist() for feed in feeds] == [[0, 1], [0, 2], [0, 1]]
    assert np.array_equal(feeds[1]['images'][0], images[1][[0, 2]])


def test_the_command_exports_a_bundle_again(network, frames, tmp_path, monkeypatch, capsys):
    model, manifest = network()
    source = write_bundle(model, manifest, tmp_path / 'full')
    monkeypatch.setattr(
        'mmseg_models.export.deployed.create_segmentation_model',
        lambda name, **options: network()[0],
    )
    target = tmp_path / 'narrow'
    arguments = ['export', str(source.path), '--precision', 'int8', '--output', str(target),
                 '--calibrate-on', str(frames('train').root)]  # fmt: skip
    assert main(arguments) == 0
    bundle = load_bundle(target)
    assert (bundle.manifest.name, bundle.manifest.precision) == ('narrow', 'int8')
    assert bundle.manifest.training == {'steps': 3}
    assert bundle.manifest.metrics['deployed']['torch']['rgb+depth+lidar'] == 1.0
    assert bundle.weights_path.read_bytes() == source.weights_path.read_bytes()
    constants = (target / 'model.constants').read_bytes()
    assert len(constants) > 16 * 64
    half = ['export', str(source.path), '--precision', 'fp16', '--output', str(tmp_path / 'half')]
    assert main(half) == 0
    assert load_bundle(tmp_path / 'half').manifest.metrics == {'all': {'miou': 0.25}}
    capsys.readouterr()
    again = ['export', str(tmp_path / 'half'), '--output', str(tmp_path / 'other')]
    assert main(again) == 1
    assert 'rounded already; export the fp32 bundle' in capsys.readouterr().err
    wrong = [*again[:1], str(source.path), '--calibrate-on', 'x', '--output', str(tmp_path / 'o')]
    assert main(wrong) == 1
    assert '--calibrate-on is for --precision int8' in capsys.readouterr().err
    assert json.loads((target / 'manifest.json').read_text())['schema_version'] == 1


def test_int8_leaves_the_weights_where_they_are_stored(
    network, frames, tmp_path, monkeypatch, capsys
):
    model, manifest = network()
    source = write_bundle(model, manifest, tmp_path / 'zoo' / 'full')
    monkeypatch.setattr(
        'mmseg_models.export.deployed.create_segmentation_model',
        lambda name, **options: network()[0],
    )
    target = tmp_path / 'zoo' / 'narrow'
    words = ['export', str(source.path), '--calibrate-on', str(frames('train').root)]
    words += ['--precision', 'int8', '--weights', 'linked', '--output']
    # The bundle is called `small`, whatever its folder: the link names the bundle.
    source.path.rename(tmp_path / 'zoo' / 'small')
    words[1] = str(tmp_path / 'zoo' / 'small')
    assert main([*words, str(target)]) == 0
    bundle = load_bundle(target)
    assert not (target / 'model.safetensors').exists()
    assert bundle.manifest.weights_in.bundle == 'small'
    trained = deployed_network(bundle).model.state_dict()
    assert all(torch.equal(trained[name], value) for name, value in model.state_dict().items())
    other = tmp_path / 'zoo' / 'small' / 'model.safetensors'
    other.write_bytes(other.read_bytes()[:-1] + b'x')
    with pytest.raises(BundleError, match=r"is not what .*narrow was exported from.*'small'"):
        deployed_network(bundle)
    shutil.rmtree(tmp_path / 'zoo' / 'small')
    assert load_bundle(target).manifest == bundle.manifest  # graphs run without them
    with pytest.raises(BundleError, match="weights are in the bundle 'small'"):
        deployed_network(bundle)
    capsys.readouterr()
    words[words.index('int8')] = 'fp16'
    assert main([*words[:2], *words[4:], str(tmp_path / 'x')]) == 1
    assert '--weights linked is for --precision int8 of a bundle' in capsys.readouterr().err


@pytest.mark.parametrize('named', ['', '../full', '.full'])
def test_a_link_is_the_name_of_a_bundle(network, tmp_path, named):
    model, manifest = network()
    bundle = write_bundle(model, manifest, tmp_path / 'full')
    path = bundle.path / 'manifest.json'
    data = json.loads(path.read_text()) | {'weights_in': {'bundle': named, 'sha256': '0'}}
    path.write_text(json.dumps(data))
    with pytest.raises(BundleError, match=r'weights_in\.bundle must be the name'):
        load_bundle(bundle.path)
