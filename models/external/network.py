"""An ONNX file of others: what it takes, what it answers, and one run of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import helper, version_converter

from mmseg_ros.core.errors import BundleError

OLDEST_OPSET = 13
_LEAST_IR_VERSION = 8
_LARGEST_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor that goes in: its name, NumPy type, and size per axis, None where it is open."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]


class ExternalNetwork:
    """The network of an ONNX file, at an opset that graphs can be added to.

    Args:
        path: The file; weights in files beside it are read too.

    Attributes:
        model: The graph. inputs: What it takes, without weights that are listed as inputs.

    Raises:
        BundleError: The file cannot be read, holds no network, or is too old to be converted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = _recent(path, _loaded(path))
        weights = {tensor.name for tensor in self.model.graph.initializer}
        fed = [value for value in self.model.graph.input if value.name not in weights]
        del self.model.graph.input[:]
        self.model.graph.input.extend(fed)
        self.inputs = tuple(_info(path, value) for value in fed)

    @property
    def opset(self) -> int:
        """Return the version of ONNX's own operators."""
        return _opset(self.model)

    def fix_shapes(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """Give every input one size; what the file says about sizes inside is forgotten."""
        for value in self.model.graph.input:
            dims = value.type.tensor_type.shape.dim
            for dim, size in zip(dims, shapes[value.name], strict=True):
                dim.dim_value = size
        del self.model.graph.value_info[:]
        for value in self.model.graph.output:
            value.type.tensor_type.ClearField('shape')

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return all outputs by name.

        Raises:
            BundleError: ONNX Runtime cannot load the network or fails; its reason is given.
        """
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        names = [value.name for value in self.model.graph.output]
        try:
            session = onnxruntime.InferenceSession(
                self.model.SerializeToString(), options, providers=['CPUExecutionProvider']
            )
            return dict(zip(names, session.run(names, dict(feeds)), strict=True))
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise BundleError(
                f'{self.path}: ONNX Runtime cannot run the network ({error}).'
            ) from error

    def made_by(self, output: str, passed: frozenset[str]) -> str:
        """Return the operator that makes an output, looking through the operators in `passed`."""
        makers = {name: node for node in self.model.graph.node for name in node.output}
        node = makers.get(output)
        while node is not None and node.op_type in passed and node.input:
            node = makers.get(node.input[0])
        return '' if node is None else str(node.op_type)

    def precision(self) -> str:
        """Return fp32, fp16 or int8, by the numbers that the graph holds."""
        graph = self.model.graph
        if any('QuantizeLinear' in node.op_type for node in graph.node):
            return 'int8'
        halves = any(t.data_type == onnx.TensorProto.FLOAT16 for t in graph.initializer)
        return 'fp16' if halves else 'fp32'


def _loaded(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise BundleError(f'There is no file {path}; give the ONNX file of a network.')
    try:
        model = onnx.load(path)
        size = model.ByteSize()
        if 0 < size < _LARGEST_BYTES:
            onnx.checker.check_model(model)
    except (OSError, DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise BundleError(f'{path} is no readable ONNX file ({error}).') from error
    if not model.graph.node:
        raise BundleError(f'{path} holds no network: its graph has no nodes.')
    if size >= _LARGEST_BYTES:
        raise BundleError(f'{path}: {size / 1e9:.1f} GB; a graph with its weights ends at 2 GB.')
    return model


def _recent(path: Path, model: onnx.ModelProto) -> onnx.ModelProto:
    if _opset(model) < OLDEST_OPSET:
        try:
            model = version_converter.convert_version(model, OLDEST_OPSET)
        except Exception as error:  # the converter raises bare RuntimeErrors and more
            raise BundleError(
                f'{path}: opset {_opset(model)} cannot be converted to {OLDEST_OPSET} ({error}); '
                f'export the network again with opset {OLDEST_OPSET} or newer.'
            ) from error
    model.ir_version = max(model.ir_version, _LEAST_IR_VERSION)
    return model


def _opset(model: onnx.ModelProto) -> int:
    own = [entry.version for entry in model.opset_import if entry.domain in ('', 'ai.onnx')]
    return max(own, default=1)


def _info(path: Path, value: onnx.ValueInfoProto) -> TensorInfo:
    kind = value.type.tensor_type
    if not kind.elem_type or not kind.HasField('shape'):
        raise BundleError(
            f'{path}: input {value.name!r} is no tensor of known shape; export the network with '
            'the sizes of its input.'
        )
    shape = tuple(d.dim_value if d.dim_value > 0 else None for d in kind.shape.dim)
    return TensorInfo(value.name, helper.tensor_dtype_to_np_dtype(kind.elem_type), shape)
