"""Runs everything once before the first message, so that no live frame waits for a compiler."""

from __future__ import annotations

import numpy as np

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
from mmseg_ros.pipeline import Pipeline
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.ros.frame import Frame

_STAMP_NS = 1_000_000_000
_POINTS = 64


def warm_up(bundle: Bundle, backend: Backend) -> None:
    """Process one made-up set of the standard sensors on the demonstration rig, and its outputs.

    The projection is compiled at its first use on a machine, which takes a while; later starts
    read the compiled code from disk.
    """
    rig = load_rig()
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
    frame_set = FrameSet(RGB, _STAMP_NS, samples, tuple(samples), CloseReason.COMPLETE)
    backend.warm_up()
    try:
        output = Pipeline(bundle, backend, rig).process(frame_set)
    except SampleError:  # a network of other sensors than these
        return
    frame = Frame(frame_set, output.result, rig, bundle.manifest.label_space)
    frame.labelled_points()
    frame.organized_points()
    frame.projection_image()


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
    points = np.zeros(_POINTS, [(name, '<f4') for name in ('x', 'y', 'z', 'intensity')])
    points['x'] = 10.0
    points['y'] = np.linspace(-2, 2, _POINTS)
    return CloudData(points, 1, _POINTS)
