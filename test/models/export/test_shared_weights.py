import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from mmseg_models.export.shared_weights import WeightStore


@pytest.mark.parametrize('dtype', [np.float32, np.float16])
def test_linked_graphs_compute_the_same(tmp_path, dtype):
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(24, 32)).astype(dtype)
    other = rng.normal(size=(24, 24)).astype(dtype)
    save_file(
        {'a.bias': np.zeros(7, np.int64), 'b.weight': stored}, tmp_path / 'model.safetensors'
    )
    kind = TensorProto.FLOAT if dtype == np.float32 else TensorProto.FLOAT16
    graph = helper.make_graph(
        [
            helper.make_node('MatMul', ['x', 'turned'], ['h']),
            helper.make_node('MatMul', ['h', 'same'], ['g']),
            helper.make_node('MatMul', ['g', 'turned'], ['k']),
            helper.make_node('MatMul', ['k', 'other'], ['y']),
        ],
        'g',
        [helper.make_tensor_value_info('x', kind, [3, 32])],
        [helper.make_tensor_value_info('y', kind, [3, 24])],
        [
            numpy_helper.from_array(np.ascontiguousarray(stored.T), 'turned'),
            numpy_helper.from_array(stored, 'same'),
            numpy_helper.from_array(other, 'other'),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=9)
    path = tmp_path / 'model.onnx'
    onnx.save(model, path)
    (tmp_path / 'second.onnx').write_bytes(path.read_bytes())
    x = rng.normal(size=(3, 32)).astype(dtype)
    expected = onnxruntime.InferenceSession(path).run(None, {'x': x})[0]

    store = WeightStore(tmp_path / 'model.safetensors', tmp_path / 'model.constants')
    store.link(path)
    store.link(tmp_path / 'second.onnx')

    for file in (path, tmp_path / 'second.onnx'):
        inside = onnx.load(file, load_external_data=False).graph.initializer
        assert not any(item.raw_data for item in inside)
        found = onnxruntime.InferenceSession(file).run(None, {'x': x})[0]
        np.testing.assert_array_equal(found, expected)
    assert (tmp_path / 'model.constants').stat().st_size == other.nbytes
