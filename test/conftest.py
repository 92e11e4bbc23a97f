"""Fixtures that several folders of tests share."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.core.modalities import STANDARD_ENCODINGS
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, SensorSample
from mmseg_ros.inference.bundle import Bundle, seal_bundle
from mmseg_ros.inference.manifest import Manifest, ModalitySpec
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.transforms import pose
from mmseg_ros.referring.bundle import (
    ReferringBundle,
    ReferringManifest,
    seal_referring_bundle,
)

# A shell that starts a job in the background makes it ignore SIGINT, and so would every process
# that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

START_NS = 1_700_000_000_123_456_789
PERIOD_NS = 100_000_000
EVENT_SPAN_NS = 50_000_000
FRAMES = {name: f'{name}_optical' for name in ('rgb', 'depth', 'event')} | {'lidar': 'lidar'}
CLOUD_FIELDS = [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('intensity', 'f4'), ('label', 'u1')]


@pytest.fixture(scope='session')
def label_space() -> LabelSpace:
    return load_label_space('deliver')


def brightest_channel_graph(modalities: int, height: int, width: int) -> onnx.ModelProto:
    """A network without weights: the label is the color channel with the largest masked sum."""
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


def _encoding(modality: str, value_ranges: Mapping[str, tuple[float, float]]) -> str:
    return STANDARD_ENCODINGS.get(modality, 'grey' if modality in value_ranges else 'rgb')


@pytest.fixture
def make_bundle(tmp_path: Path, label_space: LabelSpace) -> Callable[..., Bundle]:
    """Return a function that writes a small, sound bundle."""

    def make(
        modalities: tuple[str, ...] = ('rgb', 'depth', 'event', 'lidar'),
        height: int = 32,
        width: int = 64,
        name: str = 'tiny',
        value_ranges: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    ) -> Bundle:
        path = tmp_path / 'bundles' / name
        path.mkdir(parents=True)
        onnx.save(brightest_channel_graph(len(modalities), height, width), path / 'model.onnx')
        (path / 'model.safetensors').write_bytes(b'\x02\0\0\0\0\0\0\0{}')
        specs = tuple(
            ModalitySpec(
                m, _encoding(m, value_ranges), (0.0,) * 3, (1.0,) * 3, value_ranges.get(m)
            )
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


@pytest.fixture
def brightest_graph() -> Callable[[int, int, int], onnx.ModelProto]:
    """Return `brightest_channel_graph`."""
    return brightest_channel_graph


COLORS = ('red', 'green', 'blue')
REFERRING_VOCABULARY = (
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', *COLORS),
    *('the', 'car', 'on', 'left', 'right', 'of', '##s', ','),
)


def color_word_graphs(height: int, width: int, length: int) -> dict[str, onnx.ModelProto]:
    """Networks without weights: a pixel is meant if its color is the one the text prompt names."""
    size = len(REFERRING_VOCABULARY)
    table = [float(i == 4 + channel) for i in range(size) for channel in range(3)]
    sentences = {
        name: helper.make_tensor_value_info(name, kind, ['n', length, *rest])
        for name, kind, rest in (
            ('token_ids', TensorProto.INT64, []),
            ('attention_mask', TensorProto.BOOL, []),
            ('features', TensorProto.FLOAT, [3]),
            ('text', TensorProto.FLOAT, [3]),
        )
    }
    hide_padding = [
        helper.make_node('Cast', ['attention_mask'], ['m'], to=TensorProto.FLOAT),
        helper.make_node('Unsqueeze', ['m', 'last'], ['m3']),
    ]
    encoder = helper.make_graph(
        [
            *hide_padding,
            helper.make_node('Gather', ['table', 'token_ids'], ['found']),
            helper.make_node('Mul', ['found', 'm3'], ['features']),
        ],
        'color_words',
        [sentences['token_ids'], sentences['attention_mask']],
        [sentences['features']],
        [
            helper.make_tensor('table', TensorProto.FLOAT, [size, 3], table),
            helper.make_tensor('last', TensorProto.INT64, [1], [2]),
        ],
    )
    segmenter = helper.make_graph(
        [
            *hide_padding,
            helper.make_node('Mul', ['text', 'm3'], ['words']),
            helper.make_node('ReduceMax', ['words', 'words_axis'], ['named'], keepdims=0),
            helper.make_node('Mul', ['named', 'two'], ['twice']),
            helper.make_node('Sub', ['twice', 'one'], ['signs']),
            helper.make_node('Transpose', ['signs'], ['turned'], perm=[1, 0]),
            helper.make_node('Cast', ['image'], ['x'], to=TensorProto.FLOAT),
            helper.make_node('MatMul', ['x', 'turned'], ['score']),
            helper.make_node('Transpose', ['score'], ['planes'], perm=[2, 0, 1]),
            helper.make_node('Add', ['planes', 'middle'], ['raised']),
            helper.make_node('Clip', ['raised', 'one', 'most'], ['clipped']),
            helper.make_node('Cast', ['clipped'], ['probability'], to=TensorProto.UINT8),
        ],
        'color_masks',
        [
            helper.make_tensor_value_info('image', TensorProto.UINT8, [height, width, 3]),
            sentences['text'],
            sentences['attention_mask'],
        ],
        [helper.make_tensor_value_info('probability', TensorProto.UINT8, ['n', height, width])],
        [
            helper.make_tensor('last', TensorProto.INT64, [1], [2]),
            helper.make_tensor('words_axis', TensorProto.INT64, [1], [1]),
            *(
                helper.make_tensor(name, TensorProto.FLOAT, [], [value])
                for name, value in (('one', 1.0), ('two', 2.0), ('middle', 128.0), ('most', 255.0))
            ),
        ],
    )
    opset = [helper.make_opsetid('', 20)]
    return {
        name: helper.make_model(graph, opset_imports=opset, ir_version=9)
        for name, graph in (('text_encoder.onnx', encoder), ('segmenter.onnx', segmenter))
    }


@pytest.fixture
def make_referring_bundle(tmp_path: Path) -> Callable[..., ReferringBundle]:
    """Return a function that writes a small, sound bundle that knows three colors."""

    def make(
        height: int = 32, width: int = 64, name: str = 'colors', max_tokens: int = 8
    ) -> ReferringBundle:
        path = tmp_path / 'bundles' / name
        path.mkdir(parents=True)
        for file, model in color_word_graphs(height, width, max_tokens).items():
            onnx.save(model, path / file)
        (path / 'vocab.txt').write_text('\n'.join(REFERRING_VOCABULARY) + '\n')
        (path / 'model.safetensors').write_bytes(b'\x02\0\0\0\0\0\0\0{}')
        manifest = ReferringManifest(
            name=name,
            model='color_words',
            model_options={},
            height=height,
            width=width,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            max_tokens=max_tokens,
            precision='fp32',
            training={'data': 'none'},
            metrics={},
            licence='Apache-2.0',
        )
        return seal_referring_bundle(path, manifest)

    return make


@pytest.fixture(scope='session')
def rig():
    look_forward = (-0.5, 0.5, -0.5, 0.5)
    turn = (0.0, 0.0, np.sin(0.3), np.cos(0.3))
    cameras = {
        name: CameraModel.from_fov(48, 32, 70.0, FRAMES[name])
        for name in ('rgb', 'depth', 'event')
    }
    mounts = {
        name: Mount(FRAMES[name], pose([1.0, 0.1 * i, 1.5], look_forward), cameras[name])
        for i, name in enumerate(cameras)
    }
    return Rig({**mounts, 'lidar': Mount('lidar', pose([0.5, 0.0, 1.9], turn))})


def payload(modality, rng, stamp_ns):
    if modality == 'rgb':
        return ImageData(rng.integers(0, 256, (32, 48, 3), np.uint8))
    if modality == 'depth':
        depth_m = rng.uniform(0.5, 40.0, (32, 48)).astype(np.float32)
        depth_m[::7] = np.nan
        return DepthData(depth_m)
    if modality == 'event':
        times_ns = np.sort(rng.integers(0, 50_000, 90)) * 1000 + stamp_ns - EVENT_SPAN_NS
        x, y = rng.integers(0, 48, 90), rng.integers(0, 32, 90)
        return EventData(
            x.astype(np.uint16), y.astype(np.uint16), times_ns, rng.random(90) < 0.5, 48, 32
        )
    points = np.zeros(64, CLOUD_FIELDS)
    for name in 'xyz':
        points[name] = rng.normal(0.0, 10.0, 64)
    points['label'] = rng.integers(0, 25, 64)
    return CloudData(points, 1, 64)


@pytest.fixture(scope='session')
def sensor_samples():
    rng = np.random.default_rng(7)
    made = []
    for i in range(10):
        for k, name in enumerate(FRAMES):
            stamp_ns = START_NS + i * PERIOD_NS
            data = payload(name, rng, stamp_ns)
            received_ns = stamp_ns + 5_000_000 + k
            begin_ns = stamp_ns - EVENT_SPAN_NS if name == 'event' else stamp_ns
            made.append(SensorSample(name, begin_ns, FRAMES[name], data, received_ns))
    return made


@pytest.fixture
def refcoco(tmp_path):
    """Return a folder with RefCOCO, RefCOCO+, RefCOCOg and two images of COCO."""
    from refcoco_miniature import write_refcoco

    write_refcoco(tmp_path)
    return tmp_path


@pytest.fixture(scope='session')
def referring_root(tmp_path_factory):
    """Return a data set of boxes with text prompts in DeLiVER's layout: six images, then two."""
    root = tmp_path_factory.mktemp('data') / 'referring'
    rng = np.random.default_rng(0)
    for split, count in (('train', 6), ('val', 2)):
        scene = f'sun/{split}/MAP_1_point1'
        for folder in ('img', 'semantic', 'referring'):
            (root / folder / scene).mkdir(parents=True)
        for number in range(count):
            image = np.full((64, 96, 3), 90, np.uint8)
            labels = np.full((64, 96), 7, np.uint8)  # class id + 1 of the road
            expressions = []
            for n, (color, left) in enumerate((('red', 8), ('blue', 56))):
                top = int(rng.integers(4, 30))
                box = (slice(top, top + 24), slice(left, left + 28))
                image[box] = (0, 0, 200) if color == 'red' else (200, 0, 0)
                labels[box] = 10  # cars
                mask = np.zeros((64, 96), np.uint8)
                mask[box] = 255
                name = f'{number:06d}_{n}.png'
                cv2.imwrite(str(root / 'referring' / scene / name), mask)
                expressions.append({'sentence': f'the {color} car', 'mask': name})
                if color == 'red':
                    expressions.append({'sentence': 'the car on the left', 'mask': name})
            stem = f'{scene}/{number:06d}'
            cv2.imwrite(str(root / f'img/{stem}_rgb_front.png'), image)
            cv2.imwrite(str(root / f'semantic/{stem}_semantic_front.png'), labels)
            text = json.dumps({'image': f'img/{stem}_rgb_front.png', 'expressions': expressions})
            (root / f'referring/{stem}.json').write_text(text)
    return root
