from dataclasses import replace

import numpy as np
import pytest
import torch

from mmseg_models import create_model
from mmseg_models.encoders.hiera import HIERA_CONFIGS
from mmseg_models.export.deployed import deployed_graph
from mmseg_models.export.dynamic_graph import (
    OpenAnswer,
    OpenGraph,
    write_dynamic_graph,
)
from mmseg_models.export.onnx_graph import DeployedGraph
from mmseg_ros.cli import main
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.bundle import load_bundle

NAMES = ('rgb', 'lidar')


def graph_of(manifest, name, **options):
    torch.manual_seed(0)
    model = create_model(name, modalities=NAMES, num_classes=5, **options)
    return deployed_graph(model.eval(), manifest(NAMES, 64, 64))


def masked_answer(graph, images, members):
    """Return labels and confidence of the network that gets the images in its own order."""
    whole = torch.zeros(1, 2, *images.shape[2:], dtype=torch.uint8)
    whole[:, members] = torch.from_numpy(images)
    available = torch.tensor([[m in members for m in range(2)]])
    opened = DeployedGraph(graph.model, graph.normalization, OpenAnswer()).eval()
    with torch.inference_mode():
        return [item.numpy().astype(int) for item in opened(whole, available)]


def answer(runtime, path, feed):
    if runtime == 'onnxruntime':
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
        return session.run(['labels', 'confidence'], feed)
    from mmseg_ros.inference.openvino_backend import shared_core

    core = shared_core()
    compiled = core.compile_model(path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    found = compiled(feed)
    return [found['labels'], found['confidence']]


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('name', ['stitchfusion', 'geminifusion'])
def test_one_graph_serves_every_size_subset_and_order(
    tiny_encoders, manifest, tmp_path, name, runtime
):
    pytest.importorskip(runtime)
    graph = graph_of(manifest, name, encoder='mit_tiny_test', decoder_dim=16)
    write_dynamic_graph(graph, tmp_path / 'dynamic.onnx')
    for size in ((64, 64), (96, 160)):
        images = np.random.default_rng(0).integers(0, 256, (1, 2, *size, 3), np.uint8)
        for members in ([0, 1], [1, 0], [1]):
            given = images[:, members]
            expected = masked_answer(graph, given, members)
            feed = {'images': given, 'members': np.array(members)}
            labels, confidence = answer(runtime, tmp_path / 'dynamic.onnx', feed)
            assert labels.shape == (1, *size)
            assert (labels == expected[0]).mean() > 0.999
            assert np.abs(confidence.astype(int) - expected[1]).max() <= 1


@pytest.mark.parametrize('windows', [(8, 4, 14, 7), (8, 4, 4, 4)])
def test_windows_are_padded_as_each_size_needs(tiny_encoders, manifest, tmp_path, windows):
    HIERA_CONFIGS['hiera_tiny_test'] = replace(HIERA_CONFIGS['hiera_tiny_test'], windows=windows)
    graph = graph_of(manifest, 'mle_sam', encoder='hiera_tiny_test', rank=4)
    write_dynamic_graph(graph, tmp_path / 'dynamic.onnx')
    for size in ((64, 128), (96, 32), (224, 448)):
        images = np.random.default_rng(0).integers(0, 256, (1, 1, *size, 3), np.uint8)
        expected = masked_answer(graph, images, [1])
        feed = {'images': images, 'members': np.array([1])}
        labels, _ = answer('onnxruntime', tmp_path / 'dynamic.onnx', feed)
        assert (labels == expected[0]).mean() > 0.999


def test_at_its_own_size_it_answers_as_the_graph_of_that_size(tiny_encoders, manifest):
    graph = graph_of(manifest, 'stitchfusion', encoder='mit_tiny_test', decoder_dim=16)
    images = torch.randint(0, 256, (1, 2, 64, 64, 3), dtype=torch.uint8)
    opened = OpenGraph(graph).eval()
    with torch.inference_mode():
        for members in ([0, 1], [1]):
            available = torch.tensor([[m in members for m in range(2)]])
            found = opened(images[:, members], torch.tensor(members))
            pairs = zip(found, graph(images, available), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)


def test_a_network_that_depends_on_its_size_is_rejected(small_model, manifest, tmp_path):
    model = small_model(modalities=NAMES)
    segment = model.segment

    def with_position(x_SCHW, presence):
        logits = segment(x_SCHW, presence)
        return logits + torch.linspace(0, 1, int(logits.shape[-1]))

    model.segment = with_position
    with pytest.raises(BundleError, match='does not run at'):
        write_dynamic_graph(deployed_graph(model, manifest(NAMES)), tmp_path / 'dynamic.onnx')
    assert not (tmp_path / 'dynamic.onnx').exists()


def test_the_command_writes_the_shipped_network(tmp_path, capsys):
    bundle = load_bundle('stitchfusion-b0-sim')
    path = tmp_path / 'new' / 'open.onnx'
    assert main(['export', '--dynamic', bundle.manifest.name, '--output', str(path)]) == 0
    assert 'members 0 rgb, 1 depth, 2 event, 3 lidar' in capsys.readouterr().out
    size = (bundle.manifest.height, bundle.manifest.width)
    images = np.random.default_rng(0).integers(0, 256, (1, 4, *size, 3), np.uint8)
    available = np.array([[True, False, True, True]])
    feed = {'images': images, 'available': available}
    expected, _ = answer('onnxruntime', bundle.onnx_path, feed)
    members = [3, 0, 2]
    feed = {'images': images[:, members], 'members': np.array(members)}
    labels, _ = answer('onnxruntime', path, feed)
    assert (labels == expected).mean() > 0.999
    feed = {'images': images[:, :1, :64, :96], 'members': np.array([1])}
    assert answer('onnxruntime', path, feed)[0].shape == (1, 64, 96)
    assert main(['export-open', bundle.manifest.name, str(path)]) == 1
    assert 'exists' in capsys.readouterr().err
