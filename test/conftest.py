"""Fixtures that several folders of tests share."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.inference.bundle import Bundle, seal_bundle
from mmseg_ros.inference.manifest import Manifest, ModalitySpec

# A shell that starts a job in the background makes it ignore SIGINT, and so would every process
# that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ENCODINGS = {
    'rgb': 'rgb',
    'depth': 'hha',
    'event': 'polarity',
    'lidar': 'range_intensity_height',
}


@pytest.fixture(scope='session')
def label_space() -> LabelSpace:
    return load_label_space('deliver')


def brightest_channel_graph(modalities: int, height: int, width: int) -> onnx.ModelProto:
    """A network without weights: the label is the colour channel with the largest masked sum."""
    nodes = [
        helper.make_node('Cast', ['images'], ['x'], to=TensorProto.FLOAT),
        helper.make_node('Cast', ['available'], ['a'], to=TensorProto.FLOAT),
        helper.make_node('Unsqueeze', ['a', 'axes'], ['mask']),
        helper.make_node('Mul', ['x', 'mask'], ['masked']),
        helper.make_node('ReduceSum', ['masked', 'modality_axis'], ['sum'], keepdims=0),
        helper.make_node('ArgMax', ['sum'], ['ids'], axis=3, keepdims=0),
        helper.make_node('Cast', ['ids'], ['labels'], to=TensorProto.UINT8),
        helper.make_node('ReduceMax', ['sum', 'channel_axis'], ['peak'], keepdims=0),
        helper.make_node('Div', ['peak', 'count'], ['scaled']),
        helper.make_node('Max', ['scaled', 'one'], ['positive']),
        helper.make_node('Cast', ['positive'], ['confidence'], to=TensorProto.UINT8),
    ]
    constants = [
        helper.make_tensor('axes', TensorProto.INT64, [3], [2, 3, 4]),
        helper.make_tensor('modality_axis', TensorProto.INT64, [1], [1]),
        helper.make_tensor('channel_axis', TensorProto.INT64, [1], [3]),
        helper.make_tensor('count', TensorProto.FLOAT, [], [float(modalities)]),
        helper.make_tensor('one', TensorProto.FLOAT, [], [1.0]),
    ]
    image = [1, modalities, height, width, 3]
    graph = helper.make_graph(
        nodes,
        'brightest_channel',
        [
            helper.make_tensor_value_info('images', TensorProto.UINT8, image),
            helper.make_tensor_value_info('available', TensorProto.BOOL, [1, modalities]),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, [1, height, width])
            for name in ('labels', 'confidence')
        ],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=9)


@pytest.fixture
def make_bundle(tmp_path: Path, label_space: LabelSpace) -> Callable[..., Bundle]:
    """Return a function that writes a small, sound bundle."""

    def make(
        modalities: tuple[str, ...] = ('rgb', 'depth', 'event', 'lidar'),
        height: int = 32,
        width: int = 64,
        name: str = 'tiny',
    ) -> Bundle:
        path = tmp_path / 'bundles' / name
        path.mkdir(parents=True)
        onnx.save(brightest_channel_graph(len(modalities), height, width), path / 'model.onnx')
        (path / 'model.safetensors').write_bytes(b'\x02\0\0\0\0\0\0\0{}')
        specs = tuple(
            ModalitySpec(m, ENCODINGS.get(m, 'rgb'), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
            for m in modalities
        )
        manifest = Manifest(
            name=name,
            model='brightest_channel',
            model_options={},
            modalities=specs,
            height=height,
            width=width,
            label_space=label_space,
            precision='fp32',
            training={'data': 'none'},
            metrics={},
            licence='Apache-2.0',
        )
        return seal_bundle(path, manifest)

    return make
