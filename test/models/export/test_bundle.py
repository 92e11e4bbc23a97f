from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file

from mmseg_models import create_model
from mmseg_models.export import bundle as bundle_module
from mmseg_models.export.bundle import write_bundle
from mmseg_models.export.deployed import deployed_graph
from mmseg_models.export.parity import probe_images
from mmseg_models.export.subset_graphs import group_subsets
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.bundle import load_bundle

NAMES = ('rgb', 'depth', 'lidar')


def reference(model, manifest, images, available):
    """Labels and confidence by the plain formulas, with the network's own subset handling."""
    mean = np.array([spec.mean for spec in manifest.modalities])[:, None, None]
    std = np.array([spec.std for spec in manifest.modalities])[:, None, None]
    x = ((images / 255.0 - mean) / std).transpose(0, 3, 1, 2)[None]
    with torch.inference_mode():
        logits = model(torch.tensor(x, dtype=torch.float32), torch.tensor(available)[None])
    probability = logits.softmax(dim=1)[0].max(dim=0)
    return probability.indices.numpy(), (255 * probability.values).round().numpy()


@pytest.mark.parametrize(('runtime', 'private'), [('onnxruntime', True), ('openvino', False)])
def test_the_bundle_answers_as_the_network_on_every_subset(
    small_model, manifest, tmp_path, private, runtime
):
    pytest.importorskip(runtime)
    model = small_model(private=private)
    bundle = write_bundle(model, manifest(), tmp_path / 'small')
    assert len(bundle.manifest.subsets) == (7 if private else 3)
    images = probe_images(bundle)
    backend = create_backend(runtime, threads=1)
    backend.load(bundle)
    for bits in range(1, 8):
        available = np.array([bool(bits >> i & 1) for i in range(3)])
        labels, confidence = reference(model, bundle.manifest, images, available)
        masked = backend.infer(images, available)
        assert backend.settle()
        special = backend.infer(images, available)
        for found in (masked, special):
            assert (found.labels == labels).mean() > 0.999
            assert np.abs(found.confidence - confidence).max() <= 1
    assert len(set(labels.ravel().tolist())) > 1
    backend.close()


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_half_weights_halve_the_bundle_and_the_graphs_compute_in_fp32(
    small_model, manifest, tmp_path, runtime
):
    pytest.importorskip(runtime)
    model = small_model(private=False)
    exact = write_bundle(model, manifest(), tmp_path / 'exact')
    bundle = write_bundle(model, manifest(), tmp_path / 'small', weights='fp16')
    assert bundle.manifest.precision == 'fp32'
    sizes = [item.weights_path.stat().st_size for item in (bundle, exact)]
    assert sizes[0] < 0.6 * sizes[1]
    stored, trained = load_file(bundle.weights_path), model.state_dict()
    assert {t.dtype for t in stored.values() if t.is_floating_point()} == {
        torch.float16, torch.float32
    }  # fmt: skip
    for name, tensor in stored.items():
        torch.testing.assert_close(tensor.to(trained[name]), trained[name], rtol=1e-3, atol=1e-7)
        assert tensor.dtype == torch.float16 or tensor.equal(trained[name])

    rounded = small_model(private=False)
    rounded.load_state_dict(stored)
    images = probe_images(bundle)
    backend = create_backend(runtime, threads=1)
    backend.load(bundle)
    for available in ([True, True, True], [False, True, False]):
        found = backend.infer(images, np.array(available))
        labels, confidence = reference(rounded, bundle.manifest, images, available)
        assert (found.labels == labels).mean() > 0.999
        assert np.abs(found.confidence - confidence).max() <= 1
    backend.close()


def test_a_bundle_in_half_precision_is_half_as_large_and_close(small_model, manifest, tmp_path):
    model = small_model()
    half = write_bundle(model, replace(manifest(), precision='fp16'), tmp_path / 'half')
    state = load_file(half.weights_path)
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert next(model.parameters()).dtype == torch.float32
    graph = onnx.load(half.onnx_path, load_external_data=False).graph
    kinds = {item.name: item.data_type for item in graph.initializer}
    computing = [node for node in graph.node if node.op_type in ('Conv', 'MatMul', 'Gemm')]
    weights = {kinds[name] for node in computing for name in node.input if name in kinds}
    assert weights == {onnx.TensorProto.FLOAT16}


def test_one_graph_serves_all_subsets_that_share_weights(small_model, manifest):
    shared = group_subsets(deployed_graph(small_model(), manifest()), 32, 64)
    assert shared == [[(0,), (1,), (2,)], [(0, 1), (0, 2), (1, 2)], [(0, 1, 2)]]
    private = group_subsets(deployed_graph(small_model(private=True), manifest()), 32, 64)
    assert private == [[(0,)], [(1,)], [(2,)], [(0, 1)], [(0, 2)], [(1, 2)], [(0, 1, 2)]]


def test_weights_stand_in_the_bundle_once(small_model, manifest, tmp_path):
    model = small_model()
    path = write_bundle(model, manifest(), tmp_path / 'small').path
    state = load_file(path / 'model.safetensors')
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    for file in path.glob('*.onnx'):
        graph = onnx.load(file, load_external_data=False)
        assert {entry.domain for entry in graph.opset_import} == {''}
        assert graph.opset_import[0].version <= 20
        assert all(len(item.raw_data) < 512 for item in graph.graph.initializer)


def test_a_graph_that_answers_otherwise_is_rejected_and_nothing_is_left(
    small_model, manifest, tmp_path, monkeypatch
):
    write = bundle_module.write_subset_graph

    def write_other(graph, *rest):
        head = graph.model.head.weight
        with torch.no_grad():
            head.neg_()
            write(graph, *rest)
            head.neg_()

    monkeypatch.setattr(bundle_module, 'write_subset_graph', write_other)
    with pytest.raises(BundleError, match=r'model\.any-1\.onnx agrees with torch on only'):
        write_bundle(small_model(), manifest(), tmp_path / 'small')
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_touched(small_model, manifest, tmp_path):
    (tmp_path / 'small').mkdir()
    with pytest.raises(BundleError, match='exists; remove it or choose another --output'):
        write_bundle(small_model(), manifest(), tmp_path / 'small')


def test_the_card_tells_inputs_scores_and_parity(small_model, manifest, tmp_path):
    steps = []
    path = write_bundle(small_model(), manifest(), tmp_path / 'small', steps.append).path
    card = (path / 'README.md').read_text()
    for expected in ('| lidar | rgb | 0.100, 0.100, 0.100 |', '| all / miou | 0.2500 |', '100.0'):
        assert expected in card
    assert steps[-1].startswith('comparing')
    assert load_bundle(path).manifest.training == {'steps': 3}


@pytest.mark.slow
def test_stitchfusion_with_shared_and_with_paired_adapters(manifest, tmp_path):
    torch.manual_seed(0)
    model = create_model(
        'stitchfusion',
        encoder='mit_b0',
        modalities=('rgb', 'lidar'),
        num_classes=5,
        adapter=['shared', 'shared', 'none', 'bidirectional'],
        decoder_dim=32,
    )
    wanted = replace(
        manifest(('rgb', 'lidar'), 64, 64), model='stitchfusion', model_options=model.options
    )
    bundle = write_bundle(model, wanted, tmp_path / 'real')
    assert list(bundle.manifest.subsets) == ['model.any-1.onnx', 'model.rgb-lidar.onnx']
    backend = create_backend('torch', threads=1)
    backend.load(bundle)
    images = probe_images(bundle)
    for available in (np.array([True, True]), np.array([False, True])):
        labels, confidence = reference(model, bundle.manifest, images, available)
        for _ in range(2):
            found = backend.infer(images, available)
            assert backend.settle()
            assert (found.labels == labels).mean() > 0.999
            assert np.abs(found.confidence - confidence).max() <= 1
    backend.close()
    weights = bundle.manifest.files['model.safetensors'].bytes
    assert sum(entry.bytes for entry in bundle.manifest.files.values()) < 1.1 * weights
