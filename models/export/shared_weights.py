"""All graphs of a bundle read their numbers from the same two files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from mmseg_ros.core.atomic_files import write_bytes

SMALLEST_SHARED_BYTES = 512
"""Below this a reference into the other file takes about as much room as the values."""

_HEADER_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Stored:
    """Where a tensor's bytes stand, whether they are its transpose's, and in half precision."""

    file: str
    offset: int
    length: int
    transposed: bool
    halved: bool = False


class WeightStore:
    """Finds tensors by their content in `model.safetensors`, and keeps the others beside it.

    Args:
        weights: The safetensors file; None if the graphs read no number of it.
        constants: File to make for what the exporter computed from the weights.
    """

    def __init__(self, weights: Path | None, constants: Path) -> None:
        self._constants = constants
        self._places: dict[bytes, _Stored] = {}
        if weights is None:
            return
        content = weights.read_bytes()
        size = int.from_bytes(content[:_HEADER_LENGTH_BYTES], 'little')
        start = _HEADER_LENGTH_BYTES + size
        for name, entry in json.loads(content[_HEADER_LENGTH_BYTES:start]).items():
            if name != '__metadata__':
                self._add(weights.name, content, start, entry)

    def link(self, graph_path: Path) -> None:
        """Replace the numbers inside a graph, in the same folder, by references to the files.

        A weight that is stored transposed or in half precision is read through a `Transpose` or
        `Cast` node, which every runtime computes once, when it loads the graph.
        """
        model = onnx.load(graph_path)
        readers: list[onnx.NodeProto] = []
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.nbytes < SMALLEST_SHARED_BYTES or not _is_weight(values):
                continue
            stored = self._find(values)
            if stored.transposed:
                readers.insert(0, _transpose(tensor))
            if stored.halved:
                readers.insert(0, _widen(tensor))
            set_external_data(tensor, stored.file, offset=stored.offset, length=stored.length)
            tensor.ClearField('raw_data')
        nodes = [*readers, *model.graph.node]
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        _shorten_value_names(model.graph)
        write_bytes(graph_path, model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(graph_path), full_check=True)

    def _add(self, file: str, content: bytes, start: int, entry: dict[str, object]) -> None:
        begin, end = (start + int(v) for v in entry['data_offsets'])  # type: ignore[attr-defined]
        shape: Sequence[int] = entry['shape']  # type: ignore[assignment]
        if entry['dtype'] not in ('F32', 'F16'):
            return
        dtype = np.float32 if entry['dtype'] == 'F32' else np.float16
        values = np.frombuffer(content[begin:end], dtype)
        widened = [values.astype(np.float32)] if dtype == np.float16 else []
        for numbers, halved in ((values, False), *((item, True) for item in widened)):
            stored = _Stored(file, begin, end - begin, False, halved)
            self._places.setdefault(_digest(numbers), stored)
            if len(shape) == 2 and min(shape) > 1:
                turned = numbers.reshape(shape).T
                self._places.setdefault(_digest(turned), replace(stored, transposed=True))

    def _find(self, values: NDArray[np.generic]) -> _Stored:
        digest = _digest(values)
        stored = self._places.get(digest)
        if stored is None or (stored.transposed and values.ndim != 2):
            stored = self._places[digest] = self._keep(values)
        return stored

    def _keep(self, values: NDArray[np.generic]) -> _Stored:
        with self._constants.open('ab') as stream:
            offset = stream.tell()
            stream.write(values.tobytes())
        return _Stored(self._constants.name, offset, values.nbytes, False)


def _is_weight(values: NDArray[np.generic]) -> bool:
    return values.dtype.kind == 'f' or values.dtype == np.int8


def _shorten_value_names(graph: onnx.GraphProto) -> None:
    """Number the values between nodes; their paths through the modules are half of a graph's size.

    Inputs, outputs, weights and nodes keep their names.
    """
    kept = {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
    between = (name for node in graph.node for name in node.output if name and name not in kept)
    short = {name: f'v{i}' for i, name in enumerate(between)}
    for node in graph.node:
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]
    del graph.value_info[:]


def _transpose(tensor: TensorProto) -> onnx.NodeProto:
    """Turn a 2-D weight around and return the node that gives it its old name and shape."""
    name = tensor.name
    tensor.name = name + '.stored'
    turned = list(tensor.dims)[::-1]
    del tensor.dims[:]
    tensor.dims.extend(turned)
    return helper.make_node('Transpose', [tensor.name], [name], name=name + '.turn', perm=[1, 0])


def _widen(tensor: TensorProto) -> onnx.NodeProto:
    """Make a weight one of half precision and return the node that gives its old type and name."""
    name = tensor.name
    tensor.name = name + '.half'
    tensor.data_type = TensorProto.FLOAT16
    return helper.make_node(
        'Cast', [tensor.name], [name], name=name + '.wide', to=TensorProto.FLOAT
    )


def _digest(values: NDArray[np.generic]) -> bytes:
    content = np.ascontiguousarray(values)
    return hashlib.sha256(content.dtype.str.encode() + content.tobytes()).digest()
