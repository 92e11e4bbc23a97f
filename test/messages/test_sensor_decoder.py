"""The type of a message chooses its decoder; no content costs more than the message."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import MmsegError, SampleError
from mmseg_ros.core.modalities import (
    COMPRESSED_IMAGE_TYPE,
    EVENT_TYPES,
    IMAGE_TYPE,
    KINDS,
    LIVOX_TYPES,
    POINT_CLOUD_TYPE,
    kind_of,
)
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData
from mmseg_ros.messages import sensor_decoder
from mmseg_ros.messages.sensor_decoder import SensorDecoder


def depth_image(message, **changes):
    fields = {'encoding': '16UC1', 'height': 2, 'width': 2, 'step': 4, 'is_bigendian': 0}
    data = np.full(4, 1500, '<u2').tobytes()
    return message(**{**fields, 'data': data, **changes})


def livox(message, x=1.0):
    point = SimpleNamespace(x=x, y=1.0, z=1.0, reflectivity=5, tag=0, line=0, offset_time=0)
    return message(timebase=0, points=[point])


def test_the_type_and_the_sensor_choose_the_decoder(message):
    depth = SensorDecoder('depth').payload(IMAGE_TYPE, depth_image(message))
    assert isinstance(depth, DepthData)
    assert depth.depth_m[0, 0] == 1.5
    image = SensorDecoder('image').payload(IMAGE_TYPE, depth_image(message))
    assert isinstance(image, ImageData)
    assert image.pixels[0, 0] == 1500
    for name in LIVOX_TYPES:
        assert isinstance(SensorDecoder('lidar').payload(name, livox(message)), CloudData)
    array = message(height=4, width=4, events=[])
    for name in EVENT_TYPES:
        assert isinstance(SensorDecoder('event').payload(name, array), EventData)


def test_every_transport_that_is_subscribed_to_has_a_decoder(message):
    for kind, facts in KINDS.items():
        for _, type_name in facts.transports:
            with pytest.raises(SampleError) as caught:
                SensorDecoder(kind).payload(type_name, SimpleNamespace())
            assert 'cannot come as' not in str(caught.value)


@pytest.mark.parametrize('kind', ['rgb', 'depth', 'lidar', 'image'])
def test_a_type_that_does_not_fit_is_named(message, kind):
    with pytest.raises(SampleError, match=f'{kind} sensor cannot come as demo_msgs/msg/Wheel'):
        SensorDecoder(kind).payload('demo_msgs/msg/Wheel', depth_image(message))


@pytest.mark.parametrize('kind', ['rgb', 'depth', 'event', 'lidar', 'image'])
@pytest.mark.parametrize(
    'type_name', [IMAGE_TYPE, COMPRESSED_IMAGE_TYPE, POINT_CLOUD_TYPE, *LIVOX_TYPES]
)
def test_content_without_any_field_never_raises_anything_else(kind, type_name):
    for bad in (SimpleNamespace(), None, SimpleNamespace(format=None, data=None, encoding=3)):
        with pytest.raises(MmsegError):
            SensorDecoder(kind).payload(type_name, bad)


def test_empty_clouds_are_rejected(message):
    with pytest.raises(SampleError, match='0 points'):
        SensorDecoder('lidar').payload(LIVOX_TYPES[0], message(timebase=0, points=[]))
    with pytest.raises(SampleError, match='all of its 1 points are NaN'):
        SensorDecoder('lidar').payload(LIVOX_TYPES[0], livox(message, x=float('nan')))


def test_kinds_follow_the_names():
    assert [kind_of(name) for name in ('rgb', 'depth', 'event', 'lidar', 'thermal')] == [
        'rgb', 'depth', 'event', 'lidar', 'image'
    ]  # fmt: skip


def test_codec_and_clock_of_an_event_camera_stay_from_packet_to_packet(monkeypatch):
    seen = []

    class Stream:
        def __init__(self, height, width):
            seen.append((height, width))

        def decode(self, message):
            seen.append(message)
            return message

    monkeypatch.setattr(sensor_decoder, 'EventStream', Stream)
    size = (48, 64)
    decoder = SensorDecoder('event', lambda: size)
    for message in 'ab':
        decoder.payload(EVENT_TYPES[0], message)
    assert seen == [(48, 64), 'a', 'b']
    size = (24, 32)
    decoder.payload(EVENT_TYPES[0], 'c')
    assert seen[3:] == [(24, 32), 'c']


def test_every_type_of_every_kind_has_a_decoder():
    types = {name for kind in set(KINDS) - {'event'} for _, name in KINDS[kind].transports}
    assert types == set(sensor_decoder._DECODERS)
    assert {name for _, name in KINDS['depth'].transports} == set(sensor_decoder._DEPTH_DECODERS)


def test_a_new_kind_is_one_entry_of_the_kinds(monkeypatch, message):
    radar = replace(KINDS['lidar'], transports=(('', LIVOX_TYPES[0]),))
    monkeypatch.setattr(sensor_decoder, 'KINDS', {**KINDS, 'radar': radar})
    payload = SensorDecoder('radar').payload(LIVOX_TYPES[0], livox(message))
    assert isinstance(payload, CloudData)
    with pytest.raises(SampleError, match='radar sensor cannot come as'):
        SensorDecoder('radar').payload(POINT_CLOUD_TYPE, livox(message))
