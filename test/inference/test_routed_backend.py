import time

import numpy as np
import pytest

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.routed_backend import RoutedBackend

IMAGES = np.zeros((3, 32, 64, 3), np.uint8)


def mask(*there):
    return np.array([bool(v) for v in there])


def test_the_masked_graph_serves_until_the_graph_of_the_subset_is_there(
    make_routed_bundle, fake_runtime
):
    bundle = make_routed_bundle()
    runtime = fake_runtime(bundle)
    runtime.gate.clear()
    backend = RoutedBackend(runtime)
    backend.load(bundle)
    for _ in range(20):
        assert (backend.infer(IMAGES, mask(1, 0, 1)).labels == 0).all()
    assert runtime.ran == ['model.onnx'] * 20
    assert backend.status()['being compiled'] == 'model.any-2.onnx'
    runtime.gate.set()
    assert backend.settle(10)
    assert (backend.infer(IMAGES, mask(1, 0, 1)).labels == 2).all()
    assert (backend.infer(IMAGES, mask(0, 1, 1)).labels == 2).all()
    assert runtime.compiled == ['model.onnx', 'model.any-2.onnx']
    assert backend.status()['specialised graphs'] == 'model.any-2.onnx'
    backend.close()
    assert sorted(runtime.closed) == ['model.any-2.onnx', 'model.onnx']


def test_no_frame_waits_for_a_compilation(make_routed_bundle, fake_runtime):
    bundle = make_routed_bundle()
    runtime = fake_runtime(bundle)
    runtime.gate.clear()
    backend = RoutedBackend(runtime)
    backend.load(bundle)
    slowest_s = 0.0
    for available in (mask(1, 1, 1), mask(1, 0, 0), mask(1, 1, 0)) * 5:
        began_s = time.perf_counter()
        backend.infer(IMAGES, available)
        slowest_s = max(slowest_s, time.perf_counter() - began_s)
    assert slowest_s < 2.0
    assert not backend.settle(0.0)
    runtime.gate.set()
    backend.close()


def test_a_rejected_graph_is_named_and_the_masked_one_goes_on(
    make_routed_bundle, fake_runtime, caplog
):
    bundle = make_routed_bundle()
    runtime = fake_runtime(bundle)
    runtime.reject['model.any-1.onnx'] = 'too large'
    backend = RoutedBackend(runtime)
    backend.load(bundle)
    for _ in range(3):
        backend.infer(IMAGES, mask(0, 1, 0))
        assert backend.settle(10)
    assert runtime.ran == ['model.onnx'] * 3
    assert caplog.text.count('too large') == 1
    assert backend.status()['rejected'] == 'model.any-1.onnx: too large'
    backend.close()


def test_without_specialised_graphs_the_masked_one_does_all(make_bundle, fake_runtime):
    bundle = make_bundle(modalities=('rgb', 'depth', 'lidar'))
    runtime = fake_runtime(bundle)
    backend = RoutedBackend(runtime)
    backend.load(bundle)
    backend.infer(IMAGES, mask(1, 0, 0))
    assert backend.settle(10)
    assert runtime.compiled == ['model.onnx']
    backend.close()


def test_use_before_load_and_without_any_modality_is_rejected(make_routed_bundle, fake_runtime):
    bundle = make_routed_bundle()
    backend = RoutedBackend(fake_runtime(bundle))
    with pytest.raises(BackendError, match='call load'):
        backend.infer(IMAGES, mask(1, 1, 1))
    backend.load(bundle)
    with pytest.raises(BackendError, match='No modality is available'):
        backend.infer(IMAGES, mask(0, 0, 0))
    backend.close()


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_each_subset_gets_its_own_images_and_indices(make_routed_bundle, runtime):
    pytest.importorskip(runtime)
    bundle = make_routed_bundle()
    images = np.stack([np.full((32, 64, 3), value, np.uint8) for value in (10, 20, 30)])
    backend = create_backend(runtime, threads=1)
    backend.load(bundle)
    for bits in range(1, 8):
        available = mask(bits & 1, bits & 2, bits & 4)
        backend.infer(images, available)
        assert backend.settle(60)
        found = backend.infer(images, available)
        members = np.flatnonzero(available)
        assert (found.labels == 10 * (members[0] + 1)).all()
        assert (found.confidence == members.sum() + 1).all()
    backend.close()


def test_pixels_without_a_number_get_the_ignored_id(make_routed_bundle, fake_runtime):
    bundle = make_routed_bundle()
    runtime = fake_runtime(bundle)
    backend = RoutedBackend(runtime, specialise=False)
    backend.load(bundle)
    runtime.confidence = np.where(np.arange(64) < 5, 0, 200)
    found = backend.infer(IMAGES, mask(1, 1, 1))
    assert (found.labels[:, :5] == 255).all()
    assert (found.labels[:, 5:] == 0).all()
    runtime.confidence = 0
    with pytest.raises(BackendError, match='NaN in every pixel'):
        backend.infer(IMAGES, mask(1, 1, 1))
    backend.close()


def test_prepare_asks_for_the_graphs_of_all_subsets_of_these_sensors(
    make_routed_bundle, fake_runtime
):
    bundle = make_routed_bundle()
    runtime = fake_runtime(bundle)
    backend = RoutedBackend(runtime)
    backend.load(bundle)
    backend.prepare(bundle.manifest.modality_names[:2])
    assert backend.settle(10)
    assert runtime.compiled == ['model.onnx', 'model.any-2.onnx', 'model.any-1.onnx']
    backend.infer(IMAGES, mask(1, 1, 0))
    backend.infer(IMAGES, mask(0, 1, 0))
    assert runtime.ran[-2:] == ['model.any-2.onnx', 'model.any-1.onnx']
    backend.close()


def test_not_specialised_prepares_nothing(make_routed_bundle, fake_runtime):
    bundle = make_routed_bundle()
    runtime = fake_runtime(bundle)
    backend = RoutedBackend(runtime, specialise=False)
    backend.load(bundle)
    backend.prepare(bundle.manifest.modality_names)
    assert backend.settle(10)
    assert runtime.compiled == ['model.onnx']
    backend.close()
