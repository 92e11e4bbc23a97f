"""Real engines of TensorRT-RTX, whose parser and builder need no GPU."""

import onnx
import pytest

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference import tensorrt_backend
from mmseg_ros.inference.engine_cache import EngineCache
from mmseg_ros.inference.fallback_backend import EngineState
from mmseg_ros.inference.tensorrt_backend import TensorRt
from mmseg_ros.inference.tensorrt_build import build_engine, import_library, library_name

pytest.importorskip('tensorrt_rtx', reason='real engines are not built: make test-tensorrt')


@pytest.fixture
def runtime(tmp_path):
    return TensorRt(cache=EngineCache(tmp_path / 'engines'))


def test_every_graph_of_a_bundle_becomes_an_engine(make_routed_bundle):
    bundle = make_routed_bundle(modalities=('rgb', 'lidar'))
    seen = []
    for file in ('model.onnx', *bundle.manifest.subsets):
        engine = build_engine(
            import_library(), bundle.path / file, progress=lambda *step: seen.append(step)
        )
        assert len(engine) > 1000
    assert max(share for _, share in seen) == 1.0


def test_an_engine_is_built_once_and_again_when_it_is_damaged(runtime, make_bundle, monkeypatch):
    path = make_bundle(modalities=('rgb', 'lidar')).onnx_path
    builds = []

    def build(*args, **options):
        builds.append(args)
        return build_engine(*args, **options)

    monkeypatch.setattr(tensorrt_backend, 'build_engine', build)
    assert not runtime.has_engine(path)
    first = runtime.engine(path)
    assert runtime.engine(path) == first
    assert runtime.has_engine(path)
    assert len(builds) == 1
    (file,) = (runtime._cache.folder).glob('*.engine')
    file.write_bytes(first[: len(first) // 2])
    assert not runtime.has_engine(path)
    runtime.engine(path)
    assert len(builds) == 2


def test_the_key_follows_graph_weights_version_and_device(runtime, make_bundle, monkeypatch):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    trt = import_library()
    key = runtime.key(trt, bundle.onnx_path)
    assert key.library == library_name(trt)
    bundle.weights_path.write_bytes(b'other')
    other = runtime.key(trt, bundle.onnx_path)
    assert (other.graph != key.graph, other.library) == (True, key.library)
    monkeypatch.setattr(tensorrt_backend, 'device_name', lambda: 'NVIDIA H200 sm_90')
    assert runtime.key(trt, bundle.onnx_path).device == 'NVIDIA H200 sm_90'


def test_what_tensorrt_does_not_understand_is_named(runtime, make_bundle):
    bundle = make_bundle()
    bundle.onnx_path.write_bytes(b'not a network')
    with pytest.raises(BackendError, match=r'model\.onnx: tensorrt_rtx .* does not understand it'):
        runtime.engine(bundle.onnx_path)
    model = onnx.load(make_bundle(name='second').onnx_path)
    model.graph.node[0].op_type = 'NoSuchOperator'
    onnx.save(model, bundle.onnx_path)
    with pytest.raises(BackendError, match='NoSuchOperator'):
        runtime.engine(bundle.onnx_path)


def test_without_a_gpu_the_engine_is_rejected_in_words_and_the_cpu_serves(
    runtime, make_bundle, monkeypatch
):
    from mmseg_ros.inference.backend import create_backend
    from mmseg_ros.inference.cuda_memory import device_name

    if device_name() is not None:
        pytest.skip('this machine has a GPU')
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    with pytest.raises(BackendError, match='rejects the engine on a machine without a GPU'):
        runtime.compile(bundle.onnx_path)
    backend = create_backend('tensorrt')
    backend.load(bundle)
    backend.warm_up()
    assert backend.state is EngineState.FAILED
    assert backend.name in ('openvino', 'onnxruntime')
    assert 'needs an NVIDIA GPU' in backend.status()['reason']
    backend.close()


def test_dynamic_sizes_build_with_a_range(tmp_path, make_bundle):
    model = onnx.load(make_bundle(modalities=('rgb', 'lidar')).onnx_path)
    for item in (model.graph.input[0], *model.graph.output):
        dims = item.type.tensor_type.shape.dim
        rows, columns = (2, 3) if item.name == 'images' else (1, 2)
        dims[rows].dim_param, dims[columns].dim_param = 'height', 'width'
    path = tmp_path / 'dynamic.onnx'
    onnx.save(model, path)
    shapes = tuple((1, 2, size, size, 3) for size in (32, 64, 128))
    assert len(build_engine(import_library(), path, {'images': shapes})) > 1000
