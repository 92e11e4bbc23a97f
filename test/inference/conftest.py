import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.bundle import load_bundle, seal_bundle
from mmseg_ros.inference.runtime import TensorSpec


class FakeExecutable:
    """Answers with a constant that tells which graph it is."""

    outputs = ('labels', 'confidence')

    def __init__(self, runtime, file, inputs, size):
        self.inputs = inputs
        self._runtime = runtime
        self._file = file
        self._size = size

    def run(self, feed):
        if self._runtime.broken:
            raise BackendError(self._runtime.broken)
        self._runtime.ran.append(self._file)
        shape = (1, *self._size)
        found = np.full(shape, len(feed.get('members', ())), np.uint8)
        return {'labels': found, 'confidence': np.full(shape, self._runtime.confidence, np.uint8)}

    def close(self):
        self._runtime.closed.append(self._file)


class FakeRuntime:
    """A runtime whose compilations can be held up and made to fail."""

    def __init__(self, bundle, name='fake'):
        self.name = name
        self.precision = 'fp32'
        self.bundle = bundle
        self.ran, self.compiled, self.closed = [], [], []
        self.reject = {}
        self.broken = ''
        self.confidence = 100
        self.gate = threading.Event()
        self.gate.set()

    def compile(self, path):
        if path.name != 'model.onnx':
            self.gate.wait(10)
        if path.name in self.reject:
            raise BackendError(self.reject[path.name])
        self.compiled.append(path.name)
        manifest = self.bundle.manifest
        size = (manifest.height, manifest.width)
        if path.name == 'model.onnx':
            count = len(manifest.modalities)
            other = {'available': TensorSpec(np.dtype(bool), (1, count))}
        else:
            count = len(manifest.subsets[path.name][0])
            other = {'members': TensorSpec(np.dtype(np.int64), (count,))}
        images = TensorSpec(np.dtype(np.uint8), (1, count, *size, 3))
        return FakeExecutable(self, path.name, {'images': images, **other}, size)


@pytest.fixture
def fake_runtime():
    return FakeRuntime


def first_image_graph(count, height, width):
    """A subset graph without weights: the label is the first image's first channel."""
    nodes = [
        helper.make_node('Cast', ['images'], ['x'], to=TensorProto.FLOAT),
        helper.make_node('Gather', ['x', 'zero'], ['first'], axis=1),
        helper.make_node('Gather', ['first', 'zero'], ['red'], axis=3),
        helper.make_node('ReduceSum', ['members'], ['sum'], keepdims=0),
        helper.make_node('Cast', ['red'], ['labels'], to=TensorProto.UINT8),
        helper.make_node('Cast', ['sum'], ['s'], to=TensorProto.FLOAT),
        helper.make_node('Mul', ['red', 'nothing'], ['zeros']),
        helper.make_node('Add', ['zeros', 's'], ['c']),
        helper.make_node('Add', ['c', 'one'], ['more']),
        helper.make_node('Cast', ['more'], ['confidence'], to=TensorProto.UINT8),
    ]
    constants = [
        helper.make_tensor('zero', TensorProto.INT64, [], [0]),
        helper.make_tensor('nothing', TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor('one', TensorProto.FLOAT, [], [1.0]),
    ]
    image = [1, count, height, width, 3]
    graph = helper.make_graph(
        nodes,
        'first_image',
        [
            helper.make_tensor_value_info('images', TensorProto.UINT8, image),
            helper.make_tensor_value_info('members', TensorProto.INT64, [count]),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, [1, height, width])
            for name in ('labels', 'confidence')
        ],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=9)


@pytest.fixture
def make_routed_bundle(make_bundle):
    """Return a maker of bundles with a graph for every number of modalities."""
    from dataclasses import replace
    from itertools import combinations

    def make(modalities=('rgb', 'depth', 'lidar'), height=32, width=64, name='routed'):
        bundle = make_bundle(modalities=modalities, height=height, width=width, name=name)
        subsets = {}
        for count in range(1, len(modalities) + 1):
            file = f'model.any-{count}.onnx'
            onnx.save(first_image_graph(count, height, width), bundle.path / file)
            subsets[file] = tuple(combinations(modalities, count))
        seal_bundle(bundle.path, replace(bundle.manifest, subsets=subsets))
        return load_bundle(bundle.path)

    return make


@pytest.fixture(autouse=True)
def own_engine_cache(tmp_path, monkeypatch):
    """Keep what tests compile out of the user's cache."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
