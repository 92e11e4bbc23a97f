"""Runs everything once before the first message, so that no live frame waits for a compiler."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
from sensor_msgs.msg import PointField
from std_msgs.msg import Header

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    LIDAR,
    RGB,
    CloseReason,
    CloudData,
    DepthData,
    EventData,
    FrameSet,
    ImageData,
    Payload,
    SensorSample,
)
from mmseg_ros.inference.backend import Backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.messages import decode_cloud, decode_depth, decode_events, event_cloud_fields
from mmseg_ros.pipeline import Pipeline
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.ros.conversions import cloud_message, image_message
from mmseg_ros.ros.frame import Frame

_STAMP_NS = 1_000_000_000
_POINTS = 64


def load_and_warm_up(bundle: Bundle, backend: Backend) -> None:
    """Load the network, and process one made-up frame of the standard sensors and its outputs.

    The projection is compiled at its first use on a machine, which takes a while; later starts
    read the compiled code from disk. The network is loaded meanwhile in a thread of its own.

    Raises:
        MmsegError: The network cannot be loaded; see `Backend.load`.
    """
    rig = load_rig()
    pipeline = Pipeline(bundle, backend, rig)
    with ThreadPoolExecutor(1, 'mmseg_load') as pool:
        loading = pool.submit(_load, bundle, backend)
        try:
            prepared = pipeline.prepare(_frame_set(rig))
        except SampleError:  # a network of other sensors than these
            prepared = None
        loading.result()
    if prepared is None:
        return
    result = pipeline.complete(prepared).result
    frame = Frame(prepared.frame_set, result, rig, bundle.manifest.label_space)
    frame.labelled_points()
    frame.organized_points()
    frame.projection_image()
    _decode(prepared.frame_set)


def _load(bundle: Bundle, backend: Backend) -> None:
    backend.load(bundle)
    backend.warm_up()


def _decode(frame_set: FrameSet) -> None:
    """Decode the frame once as messages; the loops in the decoders are compiled too."""
    header = Header()
    samples = frame_set.samples
    depth, events, cloud = (samples[name].payload for name in (DEPTH, EVENT, LIDAR))
    if isinstance(depth, DepthData):
        decode_depth(image_message(header, depth.depth_m, '32FC1'))
    if isinstance(events, EventData):
        message = SimpleNamespace(header=header, **event_cloud_fields(events, _STAMP_NS - 1))
        message.fields = [
            PointField(name=n, offset=o, datatype=d) for n, o, d, _ in message.fields
        ]
        decode_events(message, events.height, events.width)
    if isinstance(cloud, CloudData):
        decode_cloud(cloud_message(header, cloud.points, cloud.height, cloud.width))


def _frame_set(rig: Rig) -> FrameSet:
    camera = rig.camera(rig.reference)
    depth_m = np.full((camera.height, camera.width), 5.0, np.float32)
    payloads: dict[str, Payload] = {
        RGB: ImageData(np.zeros((camera.height, camera.width, 3), np.uint8)),
        DEPTH: DepthData(depth_m),
        EVENT: _events(rig.camera(EVENT).height, rig.camera(EVENT).width),
        LIDAR: _cloud(),
    }
    samples = {
        name: SensorSample(name, _STAMP_NS, rig.mounts[name].frame_id, payload)
        for name, payload in payloads.items()
    }
    return FrameSet(RGB, _STAMP_NS, samples, tuple(samples), CloseReason.COMPLETE)


def _events(height: int, width: int) -> EventData:
    x = np.arange(_POINTS, dtype=np.uint16) % width
    return EventData(
        x=x,
        y=np.full(_POINTS, height // 2, np.uint16),
        stamp_ns=np.full(_POINTS, _STAMP_NS - 1, np.int64),
        polarity=np.arange(_POINTS) % 2 == 0,
        width=width,
        height=height,
    )


def _cloud() -> CloudData:
    points = np.zeros(_POINTS, [(name, '<f4') for name in ('x', 'y', 'z', 'intensity', 'time')])
    points['x'] = 4.0
    points['y'] = np.linspace(-2, 2, _POINTS)
    return CloudData(points, 1, _POINTS)
