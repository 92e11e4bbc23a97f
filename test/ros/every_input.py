"""Warms up as the node does, takes in every kind of message, and prints what was compiled late.

Run in its own process: loops that other tests have compiled would hide late ones.
"""

from __future__ import annotations

import array
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.modalities import COMPRESSED_IMAGE_TYPE, IMAGE_TYPE, POINT_CLOUD_TYPE
from mmseg_ros.core.types import CloseReason, FrameSet, SensorSample
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.protocol import Prediction
from mmseg_ros.labelling.frame import Frame
from mmseg_ros.messages import SensorDecoder, camera_info_fields, decode_camera_info
from mmseg_ros.messages.image_encodings import SUPPORTED_ENCODINGS
from mmseg_ros.pipeline import Pipeline
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import signature_counts
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.transforms import pose
from mmseg_ros.ros.warm_up import load_and_warm_up
from mmseg_ros.sync import Collector

HEIGHT, WIDTH = 48, 64
START_NS = 1_700_000_000_000_000_000
EVENT_PACKET = 'event_camera_msgs/msg/EventPacket'
REJECTED: set[str] = set()
RNG = np.random.default_rng(5)
# array.array as rclpy hands it out, and what readers of bags do: bytes and arrays, read-only ones.
CONTAINERS = (
    lambda data: array.array('B', data),
    bytes,
    lambda data: np.frombuffer(bytearray(data), np.uint8),
    lambda data: np.frombuffer(bytes(data), np.uint8),
    lambda data: np.frombuffer(bytearray(b'-' + data), np.uint8)[1:],
)


class NoNetwork:
    """Answers zeros of the right size."""

    name, precision = 'none', 'fp32'

    def load(self, bundle: Any) -> None:
        self.shape = bundle.manifest.height, bundle.manifest.width

    def warm_up(self) -> None:
        """Nothing to run."""

    def infer(self, images: Any, available: Any) -> Prediction:
        return Prediction(np.zeros(self.shape, np.uint8), np.full(self.shape, 9, np.uint8))


def message(**fields: Any) -> SimpleNamespace:
    stamp = SimpleNamespace(sec=START_NS // 10**9, nanosec=START_NS % 10**9)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp, frame_id='sensor'), **fields)


def image_messages(encodings: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for encoding in encodings:
        for padding in (0, 6):
            for big in (0, 1):
                step = WIDTH * 8 + padding
                data = RNG.integers(1, 255, step * HEIGHT * 2, np.uint8).tobytes()
                for contained in CONTAINERS:
                    fields = {'encoding': encoding, 'step': step, 'is_bigendian': big}
                    yield (
                        IMAGE_TYPE,
                        message(height=HEIGHT, width=WIDTH, data=contained(data), **fields),
                    )


def compressed_messages() -> Iterator[tuple[str, Any]]:
    for extension in ('.png', '.jpg'):
        for shape in ((HEIGHT, WIDTH), (HEIGHT, WIDTH, 3)):
            for dtype in (np.uint8, np.uint16)[: 2 if extension == '.png' else 1]:
                pixels = RNG.integers(1, 255, shape).astype(dtype)
                data = cv2.imencode(extension, pixels)[1].tobytes()
                for text in ('', 'bayer_rggb8; jpeg compressed', 'rgb8; png compressed bgr8'):
                    yield COMPRESSED_IMAGE_TYPE, message(format=text, data=data)


def compressed_depth_messages() -> Iterator[tuple[str, Any]]:
    millimeters = np.full((HEIGHT, WIDTH), 5000, np.uint16)
    png = cv2.imencode('.png', millimeters)[1].tobytes()
    # Of RVL: a run of no zeros, then one of all pixels; then differences of 1.
    words = np.full(HEIGHT * WIDTH, 0x0F222222, '<u4').tobytes()
    packed = struct.pack('<ii', WIDTH, HEIGHT) + words
    for contained in CONTAINERS:
        for original, a in (('16UC1', 0.0), ('32FC1', 100.0)):
            head = struct.pack('<iff', 0, a, 0.0)
            for codec, body in (('png', png), ('rvl', packed)):
                text = f'{original}; compressedDepth {codec}'
                yield COMPRESSED_IMAGE_TYPE, message(format=text, data=contained(head + body))
        yield COMPRESSED_IMAGE_TYPE, message(format='16UC1; png compressed', data=contained(png))


def cloud_message(dtype: np.dtype[Any], rows: int, big: bool, padding: int, contained: Any) -> Any:
    points = np.zeros((rows, 200), dtype.newbyteorder('>' if big else '<'))
    for name in dtype.names or ():
        points[name] = RNG.uniform(0, 2 if name in 'yz' else 100, points.shape).astype(dtype[name])
    if 'x' in (dtype.names or ()):
        points['x'] = RNG.uniform(4, 30, points.shape).astype(dtype['x'])
    data = b''.join(row.tobytes() + b'\0' * padding for row in points)
    codes = {'i1': 1, 'u1': 2, 'i2': 3, 'u2': 4, 'i4': 5, 'u4': 6, 'f4': 7, 'f8': 8}
    fields = [
        SimpleNamespace(name=n, offset=dtype.fields[n][1], datatype=codes[kind.str[1:]], count=1)
        for n in dtype.names or ()
        for kind in [dtype[n]]
    ]
    return message(
        height=rows, width=200, fields=fields, is_bigendian=big, point_step=dtype.itemsize,
        row_step=200 * dtype.itemsize + padding, data=contained(data), is_dense=True,
    )  # fmt: skip


def cloud_messages() -> Iterator[tuple[str, Any]]:
    for contained in CONTAINERS:
        for big in (False, True):
            for xyz in ('f4', 'f8', 'i2'):
                for kind in ('f4', 'f8', 'u1', 'u2', 'i4', 'u4', 'i1'):
                    columns = [*((name, xyz) for name in 'xyz'), ('intensity', kind)]
                    yield (
                        POINT_CLOUD_TYPE,
                        cloud_message(np.dtype(columns), 2, big, 3, contained),
                    )
            for time, kind in (('t', 'u4'), ('time', 'f4'), ('timestamp', 'f8'), ('t', 'i2')):
                columns = [*((name, 'f4') for name in 'xyz'), ('ring', 'u1'), (time, kind)]
                yield POINT_CLOUD_TYPE, cloud_message(np.dtype(columns), 1, big, 0, contained)
    points = [
        SimpleNamespace(x=5.0, y=0.1 * i, z=0.5, reflectivity=i, tag=0, line=0, offset_time=i)
        for i in range(20)
    ]
    yield (
        'livox_ros_driver2/msg/CustomMsg',
        message(timebase=START_NS, points=points, point_num=20),
    )


def event_messages() -> Iterator[tuple[str, Any]]:
    contents = {
        'evt3': np.array([0x8000, 0x6001, 0x0003, 0x2005, 0x3004, 0x4FFF, 0x5003], '<u2'),
        'evt2': np.array([0x80000000, 0x00002803, 0x10402804], '<u4'),
        'evt21': np.array([0x8000000000000000, 0x0000280300000003], '<u8'),
        'mono': np.array([5 | 7 << 32 | 3 << 48 | 1 << 63], '<u8'),
        'libcaer': np.array([(5 << 17 | 3 << 2 | 2) | 7 << 32], '<u8'),
        'libcaer_cmp': np.array([0x8000, 0x6001, 0x0003, 0x3005, 0x4004, 0x5003], '<u2'),
    }
    for contained in CONTAINERS:
        for encoding, words in contents.items():
            yield (
                EVENT_PACKET,
                message(
                    height=HEIGHT, width=WIDTH, seq=1, time_base=0, encoding=encoding,
                    is_bigendian=False, events=contained(words.tobytes()),
                ),
            )  # fmt: skip
        for big in (False, True):
            for place, time in (('u2', 'u4'), ('u2', 'f8'), ('i4', 'i4'), ('f4', 'f4')):
                columns = [('x', place), ('y', place), ('t', time), ('p', 'u1')]
                yield POINT_CLOUD_TYPE, cloud_message(np.dtype(columns), 1, big, 0, contained)
    yield from image_messages(('rgb8', 'mono8', 'bgr8'))
    events = [
        SimpleNamespace(x=i, y=i, ts=SimpleNamespace(sec=1_700_000_000, nanosec=9 - i), polarity=i)
        for i in range(9)
    ]
    yield 'dvs_msgs/msg/EventArray', message(height=HEIGHT, width=WIDTH, events=events)


MESSAGES: dict[str, Any] = {
    'rgb': lambda: (*image_messages(SUPPORTED_ENCODINGS), *compressed_messages()),
    'depth': lambda: (
        *image_messages(('16UC1', 'mono16', '32FC1')),
        *compressed_depth_messages(),
    ),
    'event': event_messages,
    'lidar': cloud_messages,
}


def cameras() -> Iterator[CameraModel]:
    """Yield one camera per lens model, raw and rectified, as CameraInfo brings them."""
    K = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
    lenses = {
        'plumb_bob': (0.0, 5),
        'rational_polynomial': (0.01, 8),
        'equidistant': (0.01, 4),
        'thin_prism': (0.001, 14),
    }
    for model, (value, count) in lenses.items():
        name = 'rational_polynomial' if model == 'thin_prism' else model
        for rectified in (False, True):
            fields = camera_info_fields(
                CameraModel(
                    width=WIDTH, height=HEIGHT, distortion_model=name,
                    D=np.full(count, value), K=K, R=np.eye(3),
                    P=np.hstack([K, np.zeros((3, 1))]), frame_id='sensor', rectified=False,
                )
            )  # fmt: skip
            info = message(
                **fields, roi=SimpleNamespace(x_offset=0, y_offset=0, height=0, width=0)
            )
            yield decode_camera_info(info, rectified)


def payloads(kind: str) -> Iterator[Any]:
    decoder = SensorDecoder(kind, lambda: (HEIGHT, WIDTH))
    for type_name, content in MESSAGES[kind]():
        yield decoder.payload(type_name, content)


def run_frames(pipeline: Pipeline, rig: Rig, samples: dict[str, list[Any]]) -> None:
    """Process frames that go through every payload at least once, and build every output."""
    collector = Collector(
        tuple(samples), SyncConfig(content_checks=True), {n: SensorConfig() for n in samples}
    )
    space = pipeline.bundle.manifest.label_space
    for i in range(max(len(held) for held in samples.values())):
        held = {}
        for name, choices in samples.items():
            sample = SensorSample(
                name, START_NS, 'sensor', choices[i % len(choices)], received_ns=START_NS
            )
            collector.add(replace(sample, stamp_ns=START_NS + i * 10**8), START_NS + i * 10**8)
            held[name] = sample
        frame_set = FrameSet('rgb', START_NS, held, tuple(held), CloseReason.COMPLETE)
        output = pipeline.process(frame_set, rig)
        # Random bytes are not always a depth.
        reasons = {n: why for n, why in output.rejected.items() if 'No pixel of' not in why}
        REJECTED.update(f'{name}: {why}' for name, why in reasons.items())
        frame = Frame(frame_set, output.result, rig, space, pipeline.odometry)
        if 'depth' in held:
            frame.organized_points()
        if 'lidar' in held:
            for preset in ('default', 'autoware', 'hydra'):
                frame.labelled_points(preset)
            frame.projection_image()


def main() -> None:
    bundle = load_bundle('stitchfusion-lite0-sim')
    load_and_warm_up(bundle, NoNetwork())
    before = signature_counts()
    odometry = Odometry()
    for i in range(-5, 6):
        odometry.add(START_NS + i * 10**8, pose((0.5 * i, 0.0, 0.0)))
    samples = {kind: list(payloads(kind)) for kind in MESSAGES}
    backend = NoNetwork()
    backend.load(bundle)
    rig = load_rig()
    few = {name: held[:: max(1, len(held) // 20)] for name, held in samples.items()}
    for camera in cameras():
        turned = rig
        for name in ('rgb', 'depth', 'event'):
            turned = turned.with_camera(name, camera)
        one = {name: held[:1] for name, held in few.items()}
        for motion in (None, odometry):
            run_frames(Pipeline(bundle, backend, turned, 0.05, motion), turned, one)
        alone = {'rgb': few['rgb'][:1], 'event': few['event'][:1], 'lidar': few['lidar'][:1]}
        run_frames(Pipeline(bundle, backend, turned), turned, alone)
        registered = turned.with_registered('depth')
        run_frames(Pipeline(bundle, backend, registered), registered, one)
    run_frames(Pipeline(bundle, backend, rig, 0.05, odometry), rig, samples)
    after = signature_counts()
    late = {name: after[name] - count for name, count in before.items() if after[name] > count}
    late |= {name: count for name, count in after.items() if name not in before and count}
    messages = sum(len(held) for held in samples.values())
    found = {'loops': len(after), 'messages': messages, 'late': late, 'rejected': sorted(REJECTED)}
    print(json.dumps(found))


if __name__ == '__main__':
    main()
