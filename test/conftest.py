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
from miniature_graphs import REFERRING_VOCABULARY, brightest_channel_graph, color_word_graphs

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
