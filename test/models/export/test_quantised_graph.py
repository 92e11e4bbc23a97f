from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn
from torch.nn import functional

from mmseg_models.export.calibration import useful_ranges
from mmseg_models.export.onnx_graph import Normalization, write_graph
from mmseg_models.export.quantised_graph import quantise
from mmseg_models.export.rounded_weights import LARGEST_WEIGHT

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


def step_of(graph, name):
    """Return the step of the tensor that a `DequantizeLinear` makes."""
    reader = next(node for node in graph.node if node.output[0] == name)
    step = next(item for item in graph.initializer if item.name == reader.input[1])
    return float(numpy_helper.to_array(step))


def test_an_activation_has_127_steps_up_to_its_useful_range(graphs, feeds):
    model = onnx.load(graphs[0])
    name = next(node for node in model.graph.node if node.op_type == 'Conv').output[0]
    quantised = onnx.load(graphs[1]).graph
    large = [node for node in quantised.node if node.op_type == 'Conv'][1]
    expected = useful_ranges(model, [name], feeds)[name] / 127
    assert step_of(quantised, large.input[0]) == pytest.approx(expected)


class Limited(nn.Module):
    """Blocks as in an EfficientNet: the values before a ReLU6 are far larger than behind it."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.early = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.expand = nn.Conv2d(16, 32, 1)
        self.depthwise = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.contract = nn.Conv2d(32, 16, 1)
        rng = np.random.default_rng(1)
        with torch.no_grad():
            for values in self.parameters():
                limit = values[0].numel() ** -0.5
                values.copy_(torch.from_numpy(rng.uniform(-limit, limit, values.shape)))
            self.expand.weight.mul_(40)

    def forward(self, image):
        x = functional.relu6(self.early(functional.relu6(self.first(image))))
        x = functional.relu6(self.expand(x))
        return self.contract(functional.relu6(self.depthwise(x)))


@pytest.fixture(scope='module')
def limited(tmp_path_factory):
    """Return the two graphs of `Limited`, and images that are even but for a few columns."""
    rng = np.random.default_rng(2)
    images = np.full((8, 1, 3, 16, 24), 0.8, np.float32)
    images[..., :4] = rng.normal(size=(8, 1, 3, 16, 4))
    found = [{'image': image} for image in images]
    paths = [tmp_path_factory.mktemp('limited') / name for name in ('float.onnx', 'int8.onnx')]
    for path in paths:
        write_graph(Limited(), {'image': torch.zeros(1, 3, 16, 24)}, ('sums',), path)
    quantise(paths[1], found)
    return paths, found


def test_what_only_a_relu6_reads_has_the_steps_of_what_it_leaves(limited):
    (exact, narrow), _ = limited
    graph = onnx.load(narrow).graph
    before = [node.input[0] for node in graph.node if node.op_type == 'Clip']
    made_by = {node.output[0]: node.op_type for node in graph.node}
    rounded = [name for name in before if made_by[name] == 'DequantizeLinear']
    assert len(rounded) == 2  # of expand and depthwise
    assert step_of(graph, rounded[0]) == pytest.approx(6 / 127)
    name = next(n for n in onnx.load(exact).graph.node if n.output[0] == rounded[0]).output[0]
    values = answers('onnxruntime', opened(exact, name), limited[1])
    assert np.abs(values).max() > 12


def opened(path, name):
    """Return a copy of a graph that answers with one of its values alone."""
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    target = path.with_name('opened.onnx')
    onnx.save(model, target)
    return target


def test_a_depthwise_convolution_behind_one_in_float_stays_float(limited):
    (_, narrow), _ = limited
    no, yes = (False, False), (True, True)
    # first, early, expand, depthwise, contract
    assert narrow_inputs(onnx.load(narrow).graph) == [no, no, yes, yes, yes]


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_channels_keep_their_mean_where_the_images_are_even(limited, runtime):
    pytest.importorskip(runtime)
    paths, found = limited
    exact, narrow = (answers(runtime, path, found) for path in paths)
    shift = np.abs((narrow - exact).mean(axis=(0, 1, 3, 4)))
    spread = np.abs(exact).max(axis=(0, 1, 3, 4))
    assert (shift / spread).max() < 0.004


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
