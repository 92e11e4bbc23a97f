import json

import numpy as np
import onnx
import pytest

from mmseg_ros.core.errors import BackendError, BundleError
from mmseg_ros.inference.backend import available_backends, create_backend
from mmseg_ros.inference.bundle import seal_bundle


@pytest.fixture
def backend(make_bundle):
    backend = create_backend('onnxruntime', threads=1)
    backend.load(make_bundle(modalities=('rgb', 'depth')))
    yield backend
    backend.close()


def test_infers_labels_and_confidence(backend):
    images = np.zeros((2, 32, 64, 3), np.uint8)
    images[0, :, :32, 1] = 100
    images[1, :, 32:, 2] = 200
    prediction = backend.infer(images, np.array([True, True]))
    assert prediction.labels.dtype == np.uint8
    assert prediction.labels.shape == (32, 64)
    assert set(prediction.labels[:, :32].ravel()) == {1}
    assert set(prediction.labels[:, 32:].ravel()) == {2}
    assert prediction.confidence[0, 0] == 50
    assert prediction.router_weights is None


def test_an_absent_modality_has_no_influence(backend):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)
    other = images.copy()
    other[1] = 255 - other[1]
    first, second = (backend.infer(x, np.array([True, False])) for x in (images, other))
    assert (first.labels == second.labels).all()
    assert (first.confidence == second.confidence).all()


def test_wrong_input_is_rejected_with_the_right_shape(backend):
    with pytest.raises(BackendError, match=r'\(2, 32, 64, 3\)'):
        backend.infer(np.zeros((2, 32, 63, 3), np.uint8), np.array([True, True]))
    with pytest.raises(BackendError, match='float32'):
        backend.infer(np.zeros((2, 32, 64, 3), np.float32), np.array([True, True]))


def test_a_graph_that_contradicts_the_manifest_is_rejected(make_bundle):
    bundle = make_bundle()
    manifest = bundle.path / 'manifest.json'
    data = json.loads(manifest.read_text())
    data['input']['height'] = 64
    manifest.write_text(json.dumps(data))
    from mmseg_ros.inference.bundle import load_bundle

    with pytest.raises(BundleError, match=r"input 'images' is .*32.*asks for .*64"):
        create_backend('onnxruntime').load(load_bundle(bundle.path))


def test_a_file_that_is_no_network_is_rejected(make_bundle):
    bundle = make_bundle()
    bundle.onnx_path.write_bytes(b'not a network')
    with pytest.raises(BackendError, match='ONNX Runtime rejects'):
        create_backend('onnxruntime').load(seal_bundle(bundle.path, bundle.manifest))


def test_a_graph_without_confidence_is_rejected(make_bundle):
    bundle = make_bundle()
    model = onnx.load(bundle.onnx_path)
    del model.graph.output[1]
    onnx.save(model, bundle.onnx_path)
    with pytest.raises(BundleError, match='confidence'):
        create_backend('onnxruntime').load(seal_bundle(bundle.path, bundle.manifest))


def test_choice_of_backend(monkeypatch):
    assert create_backend('auto').name == available_backends()[0]
    with pytest.raises(BackendError, match="no backend 'caffe'"):
        create_backend('caffe')
    monkeypatch.setattr('mmseg_ros.inference.backend._installed', lambda library: False)
    with pytest.raises(BackendError, match='No inference runtime'):
        create_backend('auto')
    with pytest.raises(BackendError, match='not installed'):
        create_backend('onnxruntime')
