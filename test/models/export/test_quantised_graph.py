from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn
from torch.nn import functional

from mmseg_models.export.calibration import largest_magnitudes
from mmseg_models.export.onnx_graph import Normalization, write_graph
from mmseg_models.export.quantised_graph import LARGEST_WEIGHT, quantise

WEIGHT_STEP = 1 / LARGEST_WEIGHT
ACTIVATION_STEP = 1 / 127


class Layers(nn.Module):
    """One layer of every kind: raw image, large, depthwise and 1 x 1 convolutions, products."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.large = nn.Conv2d(16, 32, 3, 2, 1)
        self.depthwise = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.point = nn.Conv2d(32, 32, 1)
        self.expand = nn.Linear(32, 64)
        self.down, self.up = nn.Linear(64, 8), nn.Linear(8, 64)
        self.fill(np.random.default_rng(0))

    def fill(self, rng):
        """Set the weights to numbers that do not depend on the processor, unlike torch's own."""
        with torch.no_grad():
            for values in self.parameters():
                limit = values[0].numel() ** -0.5
                values.copy_(torch.from_numpy(rng.uniform(-limit, limit, values.shape)))

    def forward(self, image):
        x = functional.relu(self.large(self.first(image)))
        x = self.point(functional.gelu(self.depthwise(x)))
        x = functional.gelu(self.expand(x.flatten(2).transpose(1, 2)))
        return x + self.up(self.down(x))


@pytest.fixture(scope='module')
def feeds():
    rng = np.random.default_rng(0)
    return [{'image': rng.normal(size=(2, 3, 16, 24)).astype(np.float32)} for _ in range(4)]


@pytest.fixture(scope='module')
def graphs(tmp_path_factory, feeds):
    """Return the float graph and the quantized one."""
    layers = Layers()
    paths = [tmp_path_factory.mktemp('graphs') / name for name in ('float.onnx', 'int8.onnx')]
    for path in paths:
        write_graph(layers, {'image': torch.zeros(2, 3, 16, 24)}, ('tokens',), path)
    quantise(paths[1], feeds)
    return paths


def narrow_inputs(graph):
    """Return for each product or convolution whether it reads input and weight from 8 bits."""
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    return [
        tuple(made_by.get(name) == 'DequantizeLinear' for name in node.input[:2])
        for node in graph.node
        if node.op_type in ('Conv', 'MatMul', 'Gemm')
    ]


def test_convolutions_and_large_products_are_quantised_and_no_others(graphs):
    found = narrow_inputs(onnx.load(graphs[1]).graph)
    no, yes = (False, False), (True, True)
    # first, large, depthwise, point, expand, down, up
    assert found == [no, yes, yes, yes, yes, no, no]


def test_every_number_is_symmetric_and_weights_have_a_step_per_channel(graphs):
    graph = onnx.load(graphs[1]).graph
    stored = {item.name: item for item in graph.initializer}
    readers = [node for node in graph.node if node.op_type == 'DequantizeLinear']
    for node in readers:
        zero = numpy_helper.to_array(stored[node.input[2]])
        assert zero.dtype == np.int8
        assert not zero.any()
    weights = [node for node in readers if node.input[0] in stored]
    assert [stored[node.input[0]].data_type for node in weights] == [TensorProto.INT8] * 4
    assert [tuple(stored[node.input[1]].dims) for node in weights] == [(32,), (32,), (32,), (64,)]
    source = {
        item.name: numpy_helper.to_array(item) for item in onnx.load(graphs[0]).graph.initializer
    }
    exact = source['large.weight']
    node = next(node for node in weights if node.input[0].startswith('large.weight'))
    narrow, steps = (numpy_helper.to_array(stored[name]) for name in node.input[:2])
    error = np.abs(narrow * steps[:, None, None, None] - exact)
    assert (error <= 0.5 * steps[:, None, None, None] + 1e-7).all()
    assert (np.abs(narrow).reshape(32, -1).max(axis=1) == LARGEST_WEIGHT).all()
    # What nothing reads any more is gone.
    assert 'large.weight' not in stored


def test_the_step_of_an_activation_is_the_largest_value_seen(graphs, feeds):
    model = onnx.load(graphs[0])
    name = next(node for node in model.graph.node if node.op_type == 'Conv').output[0]
    peak = largest_magnitudes(model, [name], feeds)[name]
    session = onnxruntime.InferenceSession(str(graphs[0]), providers=['CPUExecutionProvider'])
    assert [item.name for item in session.get_inputs()] == ['image']
    with torch.inference_mode():
        layers = Layers()
        values = [layers.first(torch.from_numpy(feed['image'])).abs().max() for feed in feeds]
    assert peak == pytest.approx(float(max(values)), rel=1e-5)
    quantised = onnx.load(graphs[1]).graph
    large = [node for node in quantised.node if node.op_type == 'Conv'][1]
    reader = next(node for node in quantised.node if node.output[0] == large.input[0])
    step = next(item for item in quantised.initializer if item.name == reader.input[1])
    assert numpy_helper.to_array(step) == pytest.approx(peak / 127)


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_runtimes_answer_close_to_the_float_graph(graphs, feeds, runtime):
    pytest.importorskip(runtime)
    exact, found = (answers(runtime, path, feeds) for path in graphs)
    assert 0 < np.abs(found - exact).max() < 3 * WEIGHT_STEP * np.abs(exact).max()


def test_no_pair_of_products_exceeds_the_16_bits_in_which_processors_without_vnni_add_it():
    largest_sum = 2 * 255 * LARGEST_WEIGHT
    assert largest_sum <= np.iinfo(np.int16).max


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_the_largest_inputs_and_weights_are_added_without_loss(tmp_path, runtime):
    pytest.importorskip(runtime)
    layer = nn.Conv2d(64, 32, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.5)
    images = [np.full((1, 64, 8, 8), sign, np.float32) for sign in (1, -1)]
    feeds = [{'image': image} for image in images]
    path = tmp_path / 'layer.onnx'
    write_graph(layer, {'image': torch.from_numpy(images[0])}, ('sums',), path)
    quantise(path, feeds)
    largest = 0.5 * 64 * 9
    with torch.inference_mode():
        exact = np.stack([layer(torch.from_numpy(image)).numpy() for image in images])
    # Inputs and weights are whole numbers of steps; only the answer is rounded.
    error = np.abs(answers(runtime, path, feeds) - exact).max()
    assert error <= 0.5001 * ACTIVATION_STEP * largest


def answers(runtime, path, feeds):
    if runtime == 'onnxruntime':
        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
        return np.stack([session.run(None, feed)[0] for feed in feeds])
    from mmseg_ros.inference.openvino_backend import shared_core

    compiled = shared_core().compile_model(path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return np.stack([compiled(feed)[0] for feed in feeds])


def test_onnxruntime_computes_in_integers(graphs, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / 'optimised.onnx')
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(graphs[1]), options, providers=['CPUExecutionProvider'])
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / 'optimised.onnx').graph.node)
    assert kinds['QLinearConv'] == 3
    assert kinds['MatMulIntegerToFloat'] == 1


def test_openvino_computes_in_integers(graphs):
    pytest.importorskip('openvino')
    from mmseg_ros.inference.openvino_backend import shared_core

    compiled = shared_core().compile_model(graphs[1], 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    kinds = [
        op.get_rt_info()['runtimePrecision'].astype(str)
        for op in compiled.get_runtime_model().get_ops()
        if op.get_rt_info()['layerType'].astype(str)
        in ('Convolution', 'GroupConvolution', 'FullyConnected')
    ]
    assert sum(kind in ('i8', 'u8') for kind in kinds) == 4, kinds


def test_openvino_takes_quantised_layers_behind_the_normalization_of_a_subset(tmp_path):
    pytest.importorskip('openvino')
    from mmseg_ros.inference.openvino_backend import shared_core

    class Normalized(nn.Module):
        def __init__(self):
            super().__init__()
            self.normalization = Normalization(torch.full((3, 3), 0.4), torch.full((3, 3), 0.2))
            self.layers = Layers()

        def forward(self, images, members):
            return self.layers(self.normalization(images, members)[0])

    rng = np.random.default_rng(0)
    feed = {
        'images': rng.integers(0, 256, (1, 2, 16, 24, 3), np.uint8),
        'members': np.array([0, 2]),
    }
    path = tmp_path / 'subset.onnx'
    example = {name: torch.from_numpy(values) for name, values in feed.items()}
    write_graph(Normalized(), example, ('tokens',), path)
    quantise(path, [feed])
    compiled = shared_core().compile_model(path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    assert compiled(feed)[0].shape == (2, 96, 64)
