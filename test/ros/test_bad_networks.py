"""What is wrong with network, engine or runtime: named, answered by another, or rejected."""

import sys
from functools import partial

import onnx
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from onnx import numpy_helper
from sensor_msgs.msg import Image

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference import openvino_backend
from mmseg_ros.inference.bundle import seal_bundle
from mmseg_ros.inference.engine_cache import EngineCache
from mmseg_ros.inference.fallback_backend import EngineState, FallbackBackend

pytestmark = pytest.mark.ros


@pytest.fixture(autouse=True)
def own_engine_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture
def labels(listener):
    listener.listen(DiagnosticArray, '/diagnostics')
    listener.listen(Image, '/mmseg/labels')
    return listener.messages['/mmseg/labels']


def shown(listener, part, level):
    """Return the last message of a status of that level."""
    return next(
        (
            status.message
            for array in reversed(listener.messages['/diagnostics'])
            for status in array.status
            if status.name == f'mmseg: {part}' and status.level == level
        ),
        '',
    )


def test_a_bundle_for_other_sensors_is_rejected_and_the_node_lives(
    graph, listener, labels, make_node, make_bundle
):
    bundle = make_bundle(modalities=('thermal', 'radar'))
    node = make_node(bundle=str(bundle.path), expect='')
    error = partial(shown, listener, 'node', DiagnosticStatus.ERROR)
    assert graph.spin_until(error)
    assert graph.spin_until(lambda: node.state_label == 'unconfigured')
    assert 'takes thermal, radar, but the enabled sensors are rgb, depth' in error()
    assert node.session is None


def test_a_network_with_one_more_input_serves_and_names_it(
    listener, sensors, labels, make_node, make_bundle
):
    make_node(bundle=str(make_bundle(modalities=('rgb', 'thermal')).path))
    assert sensors.play_until(('rgb',), lambda: labels)
    warning = partial(shown, listener, 'node', DiagnosticStatus.WARN)
    assert sensors.play_until(('rgb',), lambda: 'takes thermal' in warning())


@pytest.mark.parametrize('backend', ['auto', 'openvino'])
def test_a_runtime_that_cannot_be_loaded_is_replaced_or_named(
    graph, listener, sensors, labels, make_node, monkeypatch, tmp_path, backend
):
    pytest.importorskip('openvino')
    package = tmp_path / 'broken' / 'openvino'
    package.mkdir(parents=True)
    (package / '__init__.py').write_text('raise ImportError("libtbb.so.12: cannot open")')
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, 'openvino')
    # As in a process that has not loaded it before, whatever tests ran earlier.
    monkeypatch.setattr(openvino_backend, '_core', openvino_backend._core.__wrapped__)
    node = make_node(model__backend=backend, expect='')
    if backend == 'openvino':
        assert graph.spin_until(lambda: 'openvino cannot be loaded' in node.failure)
        assert graph.spin_until(lambda: node.state_label == 'unconfigured')
        return
    assert sensors.play_until(('rgb',), lambda: labels)
    assert node.session.backend.name == 'onnxruntime'
    warning = partial(shown, listener, 'node', DiagnosticStatus.WARN)
    assert sensors.play_until(
        ('rgb',), lambda: 'openvino: failed; onnxruntime serves instead' in warning()
    )


@pytest.mark.parametrize('content', [b'', b'another engine altogether'])
def test_a_damaged_engine_is_built_again(sensors, labels, make_node, make_bundle, content):
    pytest.importorskip('openvino')
    path = str(make_bundle().path)
    first = make_node(bundle=path, model__backend='openvino')
    first.release()
    engines = list(EngineCache().folder.glob('*.engine'))
    assert engines
    for engine in engines:
        engine.write_bytes(content)
    node = make_node(bundle=path, model__backend='openvino')
    assert sensors.play_until(('rgb',), lambda: labels)
    assert node.session.backend.name == 'openvino'
    assert all(engine.stat().st_size > 1000 for engine in engines)


def test_a_runtime_without_memory_is_replaced_and_no_frame_is_lost(
    listener, sensors, labels, make_node, monkeypatch
):
    pytest.importorskip('openvino')
    node = make_node()
    backend = node.session.backend
    assert isinstance(backend, FallbackBackend)
    assert sensors.play_until(('rgb',), lambda: labels)

    def fail(*_):
        raise BackendError('out of memory')

    monkeypatch.setattr(backend._preferred, 'infer', fail)
    before = len(labels)
    assert sensors.play_until(('rgb',), lambda: len(labels) >= before + 3)
    assert backend.state is EngineState.FALLBACK
    assert not node.session.statistics.failures
    warning = partial(shown, listener, 'node', DiagnosticStatus.WARN)
    assert sensors.play_until(('rgb',), lambda: 'fallback; onnxruntime serves' in warning())
    assert backend.status()['reason'] == 'out of memory'


def test_a_network_that_answers_nan_is_rejected_before_the_first_frame(
    graph, listener, labels, make_node, make_bundle
):
    bundle = make_bundle()
    model = onnx.load(bundle.onnx_path)
    for constant in model.graph.initializer:
        if constant.name in ('count', 'one'):
            value = numpy_helper.to_array(constant) * 0 + (1e30 if constant.name == 'count' else 0)
            constant.CopyFrom(numpy_helper.from_array(value.astype('f4'), constant.name))
    onnx.save(model, bundle.onnx_path)
    seal_bundle(bundle.path, bundle.manifest)
    node = make_node(bundle=str(bundle.path), expect='')
    error = partial(shown, listener, 'node', DiagnosticStatus.ERROR)
    assert graph.spin_until(lambda: 'NaN in every pixel' in error())
    assert graph.spin_until(lambda: node.state_label == 'unconfigured')
