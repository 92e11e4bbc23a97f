import numpy as np
import pytest
import torch

from mmseg_models import create_model
from mmseg_models.export.deployed import deployed_graph
from mmseg_models.export.open_size import OPEN_FILE, open_graph, write_open_graph
from mmseg_ros.core.errors import BundleError

NAMES = ('rgb', 'lidar')


def graph_of(manifest, name, encoder):
    torch.manual_seed(0)
    model = create_model(name, encoder=encoder, modalities=NAMES, num_classes=5, decoder_dim=16)
    return deployed_graph(model.eval(), manifest(NAMES, 64, 64))


def answer(runtime, path, feed):
    if runtime == 'onnxruntime':
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
        return session.run(['labels', 'confidence'], feed)
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    found = compiled(feed)
    return [found['labels'], found['confidence']]


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('name', ['stitchfusion', 'geminifusion'])
def test_one_graph_serves_every_size_and_subset(tiny_encoders, manifest, tmp_path, name, runtime):
    pytest.importorskip(runtime)
    graph = graph_of(manifest, name, 'mit_tiny_test')
    write_open_graph(graph, tmp_path / OPEN_FILE)
    for size in ((64, 64), (96, 160)):
        images = np.random.default_rng(0).integers(0, 256, (1, 2, *size, 3), np.uint8)
        for available in ([[True, True]], [[False, True]]):
            feed = {'images': images, 'available': np.array(available)}
            with torch.inference_mode():
                expected = open_graph(graph)(*map(torch.from_numpy, feed.values()))
            labels, confidence = answer(runtime, tmp_path / OPEN_FILE, feed)
            assert labels.shape == (1, *size)
            assert (labels == expected[0].numpy()).mean() > 0.999
            assert np.abs(confidence.astype(int) - expected[1].numpy()).max() <= 1


def test_at_its_own_size_it_answers_as_the_graph_of_that_size(tiny_encoders, manifest):
    graph = graph_of(manifest, 'stitchfusion', 'mit_tiny_test')
    images = torch.randint(0, 256, (1, 2, 64, 64, 3), dtype=torch.uint8)
    available = torch.ones(1, 2, dtype=torch.bool)
    with torch.inference_mode():
        pairs = zip(graph(images, available), open_graph(graph)(images, available), strict=True)
        assert all(torch.equal(fixed, opened) for fixed, opened in pairs)


def test_a_network_that_depends_on_its_size_is_refused(small_model, manifest, tmp_path):
    model = small_model(modalities=NAMES)
    segment = model.segment

    def with_position(x_SCHW, presence):
        logits = segment(x_SCHW, presence)
        return logits + torch.linspace(0, 1, int(logits.shape[-1]))

    model.segment = with_position
    with pytest.raises(BundleError, match='does not run at'):
        write_open_graph(deployed_graph(model, manifest(NAMES)), tmp_path / OPEN_FILE)
