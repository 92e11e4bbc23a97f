"""A made-up frame and made-up messages: what warming up runs on."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from sensor_msgs.msg import PointField
from std_msgs.msg import Header

from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    LIDAR,
    RGB,
    STANDARD_MODALITIES,
    CloseReason,
    CloudData,
    DepthData,
    EventData,
    FrameSet,
    ImageData,
    Modality,
    Payload,
    SensorSample,
)
from mmseg_ros.messages import decode_cloud, decode_depth, decode_events, event_cloud_fields
from mmseg_ros.messages.event_stream import PACKET_ENCODINGS, EventStream
from mmseg_ros.messages.rvl import decode_rvl
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.transforms import pose
from mmseg_ros.ros.conversions import cloud_message, image_message

_STAMP_NS = 1_000_000_000
_POINTS = 64


def made_up_frame(
    modalities: Collection[Modality], kinds: Mapping[Modality, str]
) -> tuple[FrameSet, Rig]:
    """Return a frame of the four standard sensors and of these, and a rig that they fit.

    Args:
        modalities: Inputs of the network.
        kinds: What the messages of each sensor hold; by its name where it is not there.
    """
    rig = load_rig()
    camera = rig.camera(rig.reference)
    size = rig.camera(EVENT).height, rig.camera(EVENT).width
    by_kind: dict[str, Payload] = {
        RGB: ImageData(np.zeros((camera.height, camera.width, 3), np.uint8)),
        DEPTH: DepthData(np.full((camera.height, camera.width), 5.0, np.float32)),
        EVENT: _events(*size),
        LIDAR: _cloud(),
    }
    samples = {}
    for name in dict.fromkeys((*STANDARD_MODALITIES, *modalities)):
        kind = kind_of(name, kinds.get(name, 'auto'))
        if kind in rig.mounts and name not in rig.mounts:
            rig = replace(rig, mounts={**rig.mounts, name: rig.mounts[kind]})
        payload = by_kind.get(kind, by_kind[RGB])
        samples[name] = SensorSample(name, _STAMP_NS, 'made_up', payload)
    return FrameSet(RGB, _STAMP_NS, samples, tuple(samples), CloseReason.COMPLETE), rig


def made_up_odometry() -> Odometry:
    """Return the motion of a vehicle around the frame: with it, points are moved one by one."""
    odometry = Odometry()
    for seconds in (-0.1, 0.0, 0.1):
        odometry.add(_STAMP_NS + round(seconds * 1e9), pose((seconds, 0.0, 0.0)))
    return odometry


def decode_made_up(frame_set: FrameSet) -> None:
    """Decode the frame once as messages, and something in every format with a loop of its own."""
    header = Header()
    depth, events, cloud = (frame_set.samples[n].payload for n in (DEPTH, EVENT, LIDAR))
    if isinstance(depth, DepthData):
        decode_depth(image_message(header, depth.depth_m, '32FC1'))
    if isinstance(cloud, CloudData):
        decode_cloud(cloud_message(header, cloud.points, cloud.height, cloud.width))
    if isinstance(events, EventData):
        message = SimpleNamespace(header=header, **event_cloud_fields(events, _STAMP_NS - 1))
        message.fields = [
            PointField(name=n, offset=o, datatype=d) for n, o, d, _ in message.fields
        ]
        decode_events(message, events.height, events.width)
        _decode_packets(header, events.height, events.width)
    decode_rvl(np.frombuffer(struct.pack('<iiI', 1, 1, 0x10000000), np.uint8))


def _decode_packets(header: Header, height: int, width: int) -> None:
    """Decode a packet of zeros, which is no event or one in the first pixel, in every format."""
    for encoding in PACKET_ENCODINGS:
        packet = SimpleNamespace(
            header=header, height=height, width=width, seq=0, time_base=0, encoding=encoding,
            is_bigendian=False, events=bytes(8),
        )  # fmt: skip
        EventStream(height, width).decode(packet)


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
