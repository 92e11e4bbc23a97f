"""The TensorRT backend on a GPU of numpy arrays: every frame's way, and how it fails."""

import importlib.util
import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference import cuda_memory, tensorrt_backend
from mmseg_ros.inference.backend import (
    _RUNTIMES,
    available_backends,
    create_backend,
    create_runtime,
)
from mmseg_ros.inference.engine_cache import EngineCache
from mmseg_ros.inference.fallback_backend import EngineState
from mmseg_ros.inference.graph import Graph
from mmseg_ros.inference.routed_backend import RoutedBackend
from mmseg_ros.inference.tensorrt_backend import TensorRt

ALL = np.ones(3, bool)
SUBSETS = [np.array([bool(bits >> i & 1) for i in range(3)]) for bits in range(1, 8)]


def load_fakes():
    path = Path(__file__).with_name('fake_gpu.py')
    spec = importlib.util.spec_from_file_location('fake_gpu', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FAKES = load_fakes()
OUT_OF_MEMORY = FAKES.cudaError_t.cudaErrorMemoryAllocation


@pytest.fixture
def cuda(monkeypatch):
    cuda = FAKES.FakeCuda()
    monkeypatch.setitem(sys.modules, 'cuda.bindings.runtime', cuda)
    return cuda


@pytest.fixture
def trt(cuda, monkeypatch):
    trt = FAKES.FakeTrt(cuda)
    monkeypatch.setitem(sys.modules, 'tensorrt', trt)
    return trt


@pytest.fixture
def runtime(trt, tmp_path):
    return TensorRt(cache=EngineCache(tmp_path / 'engines'))


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)


def test_every_subset_is_answered_as_by_onnx_runtime(runtime, cuda, make_routed_bundle, images):
    backends = [RoutedBackend(runtime), RoutedBackend(create_runtime('onnxruntime', 1))]
    bundle = make_routed_bundle()
    for backend in backends:
        backend.load(bundle)
    for available in SUBSETS:
        for backend in backends:
            backend.infer(images, available)
            assert backend.settle()
        # The first run is plain, the second is recorded, the later ones are replayed.
        for shift in range(4):
            shifted = images + np.uint8(shift)
            found, expected = (backend.infer(shifted, available) for backend in backends)
            assert (found.labels == expected.labels).all()
            assert (found.confidence == expected.confidence).all()
    assert cuda.launches > 0
    for backend in backends:
        backend.close()
    assert cuda.live() == 0


def test_an_engine_that_cannot_be_recorded_runs_plainly(
    runtime, cuda, make_routed_bundle, images, caplog
):
    caplog.set_level(logging.INFO)
    cuda.fail['cudaStreamEndCapture'] = FAKES.cudaError_t.cudaErrorStreamCaptureUnsupported
    graph = Graph(make_routed_bundle(), runtime)
    found = [graph.infer(images + np.uint8(i), ALL).labels for i in range(4)]
    assert any((labels != found[0]).any() for labels in found[1:])
    assert 'without a CUDA graph' in caplog.text
    assert cuda.launches == 0
    graph.close()
    assert cuda.live() == 0


@pytest.mark.parametrize('room', [0, 20_000, 30_000, 44_000])
def test_too_little_memory_is_said_and_nothing_is_held_nor_built_again(
    runtime, trt, cuda, make_routed_bundle, room
):
    path = make_routed_bundle().onnx_path
    cuda.room = room
    with pytest.raises(BackendError, match='may use up the GPU memory'):
        runtime.compile(path)
    assert (cuda.live(), trt.builds) == (0, 1)
    assert runtime.has_engine(path)


def test_no_memory_for_the_engine_itself_is_no_reason_to_build_it_again(
    runtime, trt, make_routed_bundle
):
    trt.no_context = True
    with pytest.raises(BackendError, match='no memory for the engine'):
        runtime.compile(make_routed_bundle().onnx_path)
    assert trt.builds == 1


def test_an_engine_that_is_rejected_is_built_again_once(runtime, trt, make_routed_bundle):
    path = make_routed_bundle().onnx_path
    trt.reject = 1
    runtime.compile(path).close()
    assert trt.builds == 2
    trt.reject = 2
    with pytest.raises(BackendError, match='rejects the engine on NVIDIA Fake sm_87: version tag'):
        runtime.compile(path)
    assert trt.builds == 3


def test_what_cannot_be_parsed_or_built_is_told_with_its_reason(runtime, trt, make_routed_bundle):
    path = make_routed_bundle().onnx_path
    trt.no_engine = True
    with pytest.raises(BackendError, match='cannot build an engine: no tactic fits'):
        runtime.compile(path)
    path.write_bytes(b'nothing')
    with pytest.raises(BackendError, match='does not understand it: node 0 is unknown'):
        runtime.compile(path)


def test_a_run_that_is_not_accepted_is_an_error(runtime, trt, make_routed_bundle, images):
    graph = Graph(make_routed_bundle(), runtime)
    trt.enqueues = 0
    for _ in range(3):
        with pytest.raises(BackendError, match='failed to run the engine'):
            graph.infer(images, ALL)
    trt.enqueues = 10
    graph.infer(images, ALL)


def serving(bundle):
    """Return what the node uses, with TensorRT in charge."""
    backend = create_backend('auto')
    backend.load(bundle)
    assert backend.settle(60)
    assert (backend.state, backend.name) == (EngineState.READY, 'tensorrt')
    return backend


def break_launch(cuda, trt):
    cuda.fail['cudaGraphLaunch'] = OUT_OF_MEMORY


def break_stream(cuda, trt):
    cuda.fail['cudaStreamSynchronize'] = FAKES.cudaError_t.cudaErrorIllegalAddress


def lose_numbers(cuda, trt):
    trt.not_a_number = True


@pytest.mark.parametrize(
    ('break_it', 'reason'),
    [
        (break_launch, 'cudaErrorMemoryAllocation'),
        (break_stream, 'cudaErrorIllegalAddress'),
        (lose_numbers, 'NaN in every pixel'),
    ],
)
def test_a_failure_while_running_is_answered_by_the_cpu_on_the_same_frame(
    trt, cuda, make_bundle, images, break_it, reason
):
    backend = serving(make_bundle(modalities=('rgb', 'depth', 'lidar')))
    expected = backend.infer(images, ALL).labels
    break_it(cuda, trt)
    assert (backend.infer(images, ALL).labels == expected).all()
    assert backend.state is EngineState.FALLBACK
    assert backend.name != 'tensorrt'
    assert reason in backend.status()['reason']
    backend.close()


def test_no_memory_at_the_start_leaves_the_cpu_and_the_reason(
    trt, cuda, make_routed_bundle, images
):
    assert available_backends()[0] == 'tensorrt'
    cuda.fail['cudaMalloc'] = OUT_OF_MEMORY
    backend = create_backend('tensorrt')
    backend.load(make_routed_bundle())
    assert backend.settle(60)
    backend.infer(images, ALL)
    assert (backend.state, cuda.live()) == (EngineState.FAILED, 0)
    assert 'cudaErrorMemoryAllocation' in backend.status()['reason']
    backend.close()


def test_the_log_says_how_far_a_build_is(runtime, make_routed_bundle, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(tensorrt_backend, '_TELL_EVERY_S', 0.0)
    runtime.engine(make_routed_bundle().onnx_path)
    assert 'model.onnx: building a TensorRT engine' in caplog.text
    assert 'model.onnx: tactics 50 %' in caplog.text


def test_a_library_that_cannot_be_loaded_is_named(trt, runtime, make_routed_bundle, monkeypatch):
    def reject(name):
        raise OSError('libnvinfer.so.10: cannot open shared object file')

    monkeypatch.setattr('mmseg_ros.inference.tensorrt_build.importlib.import_module', reject)
    with pytest.raises(BackendError, match=r'tensorrt is installed but cannot be loaded \(libnv'):
        runtime.compile(make_routed_bundle().onnx_path)


def test_asked_for_by_name_but_not_installed_the_cpu_serves_and_says_so(
    cuda, make_routed_bundle, images, monkeypatch
):
    monkeypatch.setattr('mmseg_ros.inference.tensorrt_build.LIBRARIES', ('no_such_library',))
    monkeypatch.setitem(_RUNTIMES, 'tensorrt', replace(_RUNTIMES['tensorrt'], libraries=()))
    backend = create_backend('tensorrt')
    backend.load(make_routed_bundle())
    backend.infer(images, ALL)
    assert (backend.state, backend.name) == (EngineState.FAILED, available_backends()[0])
    assert 'TensorRT is not installed' in backend.status()['reason']
    backend.close()
    with pytest.raises(BackendError, match='not installed'):
        create_runtime('tensorrt')


def test_without_the_cuda_bindings_there_is_no_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cuda.bindings.runtime', None)
    assert cuda_memory.device_name() is None
    with pytest.raises(BackendError, match='pip install cuda-python'):
        cuda_memory.CudaStream()
    assert 'tensorrt' not in available_backends()
