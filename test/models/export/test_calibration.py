import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mmseg_models.export.calibration import channel_means, rounded_to, useful_ranges

SHAPE = (1, 2, 32, 64)


@pytest.fixture
def graph():
    return graph_of(SHAPE)


def graph_of(shape):
    """Return a graph whose value `x` is its input."""
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ('image', 'y')]
    nodes = [helper.make_node('Identity', ['image'], ['x']), helper.make_node('Abs', ['x'], ['y'])]
    opset = [helper.make_opsetid('', 20)]
    return helper.make_model(
        helper.make_graph(nodes, 'g', info[:1], info[1:]), opset_imports=opset, ir_version=10
    )


def feeds_of(*images):
    return [{'image': image.astype(np.float32)} for image in images]


def test_even_values_are_useful_up_to_the_largest(graph):
    rng = np.random.default_rng(0)
    images = [rng.uniform(-3, 3, SHAPE) for _ in range(3)]
    images[2][0, 1, 5, 7] = 3.0
    assert useful_ranges(graph, ['x'], feeds_of(*images)) == {'x': 3.0}


def test_a_few_outliers_do_not_make_the_steps_of_all_others_coarse():
    shape = (1, 2, 256, 512)
    rng = np.random.default_rng(0)
    images = [rng.normal(size=shape) for _ in range(3)]
    values = np.stack(images).astype(np.float32)
    peak = np.abs(values).max()
    found = useful_ranges(graph_of(shape), ['x'], feeds_of(*images))['x']
    assert 3.0 < found < 0.95 * peak
    errors = [np.square(rounded_to(values, v / 127) - values).mean() for v in (found, peak)]
    assert errors[0] < 0.9 * errors[1]


def test_a_value_that_is_always_zero_has_no_range(graph):
    assert useful_ranges(graph, ['x'], feeds_of(np.zeros(SHAPE))) == {'x': 0.0}


def test_means_are_those_of_each_channel_before_and_after_rounding(graph):
    images = [np.zeros(SHAPE), np.zeros(SHAPE)]
    images[0][0, 0] = 0.9
    images[1][0, 1] = -0.4
    means = channel_means(graph, {'x': 0.5}, feeds_of(*images))['x']
    assert means.exact == pytest.approx([0.45, -0.2], abs=1e-6)
    assert means.rounded == pytest.approx([0.5, -0.25])
    assert onnx.checker.check_model(graph) is None
