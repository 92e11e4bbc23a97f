"""Small inputs of every kind, made from simulated messages and shipped files."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np

from mmseg_ros.bag import builders
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.bag.writer import whole_bag
from mmseg_ros.core.resources import bundle_directory, config_file
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.sim.sequence import Drive, DriveConfig

FEW = 64
HEIGHT, WIDTH = 24, 32


@lru_cache(maxsize=1)
def samples():
    """Return one small sample per sensor of a simulated frame."""
    drive = Drive(1, DriveConfig(frames=2, interval_s=0.1))
    *_, frame = drive.frames()
    small = {name: replace(s, payload=_small(s.payload)) for name, s in frame.samples.items()}
    events = small['event']
    small['event'] = replace(events, stamp_ns=int(events.payload.stamp_ns.min()))
    return small


def _small(payload):
    if isinstance(payload, ImageData):
        return replace(payload, pixels=np.ascontiguousarray(payload.pixels[:HEIGHT, :WIDTH]))
    if isinstance(payload, DepthData):
        return replace(payload, depth_m=np.ascontiguousarray(payload.depth_m[:HEIGHT, :WIDTH]))
    if isinstance(payload, CloudData):
        stamps = payload.point_stamp_ns
        return replace(
            payload,
            points=payload.points[:FEW].copy(),
            height=1,
            width=FEW,
            point_stamp_ns=None if stamps is None else stamps[:FEW].copy(),
        )
    if isinstance(payload, EventData):
        few = {name: getattr(payload, name)[:FEW].copy() for name in ('x', 'y', 'stamp_ns')}
        return replace(payload, **few, polarity=payload.polarity[:FEW].copy())
    raise TypeError(type(payload).__name__)


def messages():
    """Return (type name, serialised message) of every kind that the node reads."""
    found = {}
    for name, sample in samples().items():
        type_name, message = builders.sample_message(sample)
        found[name] = (type_name, _cdr(type_name, message))
    rig = load_rig()
    info = builders.camera_info_message(1, rig.camera('rgb'))
    found['camera_info'] = (builders.CAMERA_INFO, _cdr(builders.CAMERA_INFO, info))
    odometry = builders.odometry_message(1, np.eye(4))
    found['odometry'] = (builders.ODOMETRY, _cdr(builders.ODOMETRY, odometry))
    transforms = builders.tf_message(1, 'base_link', {'camera': np.eye(4), 'lidar': np.eye(4)})
    found['transforms'] = (builders.TF_MESSAGE, _cdr(builders.TF_MESSAGE, transforms))
    return found


def _cdr(type_name, message):
    return bytes(typestore().serialize_cdr(message, type_name))


def event_packets():
    """Return (encoding, bytes) of event packets in every encoding of the cameras."""
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 256, 96, dtype=np.uint8).tobytes()
        for name in ('evt3', 'evt2', 'evt21', 'mono', 'trigger', 'libcaer_cmp', 'libcaer')
    }


def packet(encoding, data):
    """Return an event packet as the node gets it."""
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=0), frame_id='event'),
        height=HEIGHT, width=WIDTH, seq=0, time_base=1_000_000_000, encoding=encoding,
        is_bigendian=False, events=np.frombuffer(data, np.uint8),
    )  # fmt: skip


def bag():
    """Return the bytes of a small recording."""
    with TemporaryDirectory() as folder:
        with whole_bag(Path(folder) / 'bag') as writer:
            for sample in samples().values():
                writer.write_sample(sample)
            writer.write_odometry(1, np.eye(4))
        return next((Path(folder) / 'bag').glob('*.mcap')).read_bytes()


def files():
    """Return the text of shipped files, as bytes."""
    manifest = bundle_directory('stitchfusion-b0-sim') / 'manifest.json'
    words = bundle_directory('crossvlt-small-sim') / 'manifest.json'
    return {
        'calibration': _rig_text(),
        'label space': config_file('label_spaces/deliver.yaml').read_bytes(),
        'schedule': b'faults:\n- {topic: "/rgb/*", kind: drop, start_s: 1.0, end_s: 2.0}\n',
        'manifest': json.dumps(json.loads(manifest.read_text())).encode(),
        'referring manifest': json.dumps(json.loads(words.read_text())).encode(),
    }


def _rig_text():
    import yaml

    return yaml.safe_dump(load_rig().to_dict(), sort_keys=False).encode()
