"""Packets of a frame are merged when somebody looks at its events, and not before."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import EventData, ImageData, SensorSample
from mmseg_ros.sync import Collector, merged_events

MS = 1_000_000
START_NS = 100_000_000_000


def packet(begin_ns, count=10):
    stamps = begin_ns + np.arange(count, dtype=np.int64) * MS
    x = np.arange(count, dtype=np.uint16)
    return EventData(x, x + np.uint16(1), stamps, x % 2 == 0, 640, 480)


def same(one, other):
    return all(
        np.array_equal(getattr(one, item.name), getattr(other, item.name))
        for item in fields(EventData)
    )


@pytest.fixture
def merges(monkeypatch):
    counted = []
    merge = merged_events._in_order
    monkeypatch.setattr(
        merged_events, '_in_order', lambda packets: counted.append(packets) or merge(packets)
    )
    return counted


def frames_of(count):
    unit = Collector(
        ('rgb', 'event'),
        SyncConfig(content_checks=False),
        {'rgb': SensorConfig(), 'event': SensorConfig()},
        0.05,
    )
    frames = []
    for k in range(count):
        stamp_ns = START_NS + k * 10 * MS
        events = SensorSample('event', stamp_ns, 'event', packet(stamp_ns))
        frames += unit.add(events, stamp_ns + 10 * MS)
        if k % 3 == 0:
            image = SensorSample('rgb', stamp_ns, 'rgb', ImageData(None))
            frames += unit.add(image, stamp_ns + 10 * MS)
    return frames + unit.flush()


def test_frames_that_nobody_looks_at_merge_nothing(merges):
    frames = [frame for frame in frames_of(60) if 'event' in frame.samples]
    assert len(frames) > 10
    assert merges == []
    events = frames[-1].samples['event'].payload
    assert isinstance(events, EventData)
    assert len(events.x) == len(events.stamp_ns) == len(events.polarity) >= 50
    assert (events.width, events.height) == (640, 480)
    assert len(merges) == 1


def test_a_copy_is_a_plain_packet():
    parts = [packet(START_NS), packet(START_NS + 10 * MS)]
    expected = EventData(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ('x', 'y', 'stamp_ns', 'polarity')
        ),
        640,
        480,
    )
    merged = merged_events.merged_events(parts)
    later = replace(merged, stamp_ns=merged.stamp_ns + 5)
    assert type(later) is EventData
    assert same(replace(later, stamp_ns=later.stamp_ns - 5), expected)
    for made in (pickle.loads(pickle.dumps(merged)), copy.deepcopy(merged), copy.copy(merged)):
        assert type(made) is EventData
        assert same(made, expected)


def test_any_thread_may_look_first():
    for _ in range(50):
        merged = merged_events.merged_events([packet(START_NS + k * 10 * MS) for k in range(8)])
        with ThreadPoolExecutor(4) as pool:
            lengths = list(pool.map(lambda _, held=merged: len(held.x), range(8)))
        assert lengths == [80] * 8


def test_it_cannot_be_changed():
    merged = merged_events.merged_events([packet(START_NS), packet(START_NS + 10 * MS)])
    with pytest.raises(AttributeError):
        merged.x = np.zeros(1, np.uint16)
