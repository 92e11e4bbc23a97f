"""Engines that really run; `python test/benchmarks/bench_gpu.py` runs these and prints a table."""

import numpy as np
import pytest

from mmseg_ros.inference.backend import create_backend, create_runtime
from mmseg_ros.inference.cuda_memory import device_name
from mmseg_ros.inference.engine_cache import EngineCache
from mmseg_ros.inference.fallback_backend import EngineState
from mmseg_ros.inference.routed_backend import RoutedBackend
from mmseg_ros.inference.tensorrt_backend import TensorRt
from mmseg_ros.inference.tensorrt_build import installed_library

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(device_name() is None, reason='needs an NVIDIA GPU and cuda-python'),
    pytest.mark.skipif(installed_library() is None, reason='needs TensorRT'),
]

SUBSETS = [np.array([bool(bits >> i & 1) for i in range(3)]) for bits in range(1, 8)]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)


def test_every_subset_is_answered_as_on_the_cpu(make_routed_bundle, images, tmp_path):
    bundle = make_routed_bundle()
    backends = [
        RoutedBackend(TensorRt(cache=EngineCache(tmp_path))),
        RoutedBackend(create_runtime('onnxruntime', 1)),
    ]
    for backend in backends:
        backend.load(bundle)
    for available in SUBSETS:
        # The first run is plain, the second is recorded, the third is replayed.
        for _ in range(3):
            found, expected = (backend.infer(images, available) for backend in backends)
            assert all(backend.settle() for backend in backends)
        assert (found.labels == expected.labels).all()
        assert (found.confidence == expected.confidence).all()
    for backend in backends:
        backend.close()


def test_a_replayed_run_sees_new_images(make_routed_bundle, images, tmp_path):
    backend = RoutedBackend(TensorRt(cache=EngineCache(tmp_path)), specialise=False)
    backend.load(make_routed_bundle())
    available = np.ones(3, bool)
    for _ in range(4):
        before = backend.infer(images, available)
    after = backend.infer(255 - images, available)
    assert (before.labels != after.labels).any()
    backend.close()


def test_the_cpu_serves_while_the_engine_is_built(
    make_routed_bundle, images, tmp_path, monkeypatch
):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    bundle = make_routed_bundle()
    backend = create_backend('tensorrt')
    backend.load(bundle)
    assert backend.state is EngineState.BUILDING
    backend.infer(images, np.ones(3, bool))
    assert backend.settle(600)
    backend.infer(images, np.ones(3, bool))
    assert (backend.state, backend.name) == (EngineState.READY, 'tensorrt')
    backend.close()
    again = create_backend('auto')
    again.load(bundle)
    assert (again.state, again.name) == (EngineState.READY, 'tensorrt')
    again.close()


def test_memory_is_given_back(make_routed_bundle, images, tmp_path):
    from mmseg_ros.inference.cuda_memory import import_cuda

    cuda = import_cuda()
    bundle = make_routed_bundle()
    left = []
    for _ in range(5):
        backend = RoutedBackend(TensorRt(cache=EngineCache(tmp_path)), specialise=False)
        backend.load(bundle)
        backend.infer(images, np.ones(3, bool))
        backend.close()
        left.append(cuda.cudaMemGetInfo()[1])
    assert left[-1] >= left[1] - 8_000_000
