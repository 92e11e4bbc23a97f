"""Event clouds."""

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.messages import EventStream, cloud_fields, decode_events, event_cloud_fields

START_NS = 10_000_000_005


def event_cloud(message, **columns):
    kinds = {'x': '<u2', 'y': '<u2', 'p': 'u1', 'polarity': '<i2'}
    arrays = {n: np.asarray(v) for n, v in columns.items()}
    dtype = [(n, kinds.get(n, a.dtype)) for n, a in arrays.items()]
    points = np.zeros(len(arrays['x']), dtype)
    for name, values in arrays.items():
        points[name] = values
    return message(**cloud_fields(points))


def test_written_events_are_read_back(message):
    rng = np.random.default_rng(0)
    stamps = START_NS + np.sort(rng.integers(0, 50_000, 1000)) * 1000
    events = EventData(
        rng.integers(0, 320, 1000).astype(np.uint16),
        rng.integers(0, 192, 1000).astype(np.uint16),
        stamps,
        rng.random(1000) > 0.5,
        320,
        192,
    )
    fields = event_cloud_fields(events, START_NS)
    assert (fields['point_step'], len(fields['data'])) == (12, 12000)
    again = decode_events(message(**fields), 192, 320)
    for name in ('x', 'y', 'stamp_ns', 'polarity'):
        np.testing.assert_array_equal(getattr(again, name), getattr(events, name))


@pytest.mark.parametrize('name', ['t', 'timestamp', 'ts'])
@pytest.mark.parametrize(
    ('times', 'expected'),
    [
        (np.uint32([3, 5]), [START_NS + 3000, START_NS + 5000]),
        (np.float32([0.5, 1.0]), [START_NS + 500_000_000, START_NS + 1_000_000_000]),
        (np.float64([1.7e9, 1.7e9 + 0.25]), [1_700_000_000 * 10**9, 1_700_000_000_250_000_000]),
    ],
)
def test_times_are_relative_or_absolute(message, name, times, expected):
    msg = event_cloud(message, x=[1, 2], y=[3, 4], p=[1, 0], **{name: times})
    assert decode_events(msg, 10, 10).stamp_ns.tolist() == expected


def test_without_times_all_events_carry_the_header_stamp(message):
    events = decode_events(event_cloud(message, x=[1, 2], y=[3, 4], polarity=[1, -1]), 10, 10)
    assert events.stamp_ns.tolist() == [START_NS, START_NS]
    assert events.polarity.tolist() == [True, False]


def test_events_are_sorted_by_time(message):
    msg = event_cloud(message, x=[1, 2, 3], y=[1, 2, 3], p=[1, 0, 1], t=np.uint32([9, 1, 5]))
    assert decode_events(msg, 10, 10).x.tolist() == [2, 3, 1]


@pytest.mark.parametrize('wild_s', [0.0, 1e9, 2e9, -1e300, 1e300])
def test_one_wild_time_costs_one_event(message, wild_s):
    seconds = np.linspace(1.7e9, 1.7e9 + 0.02, 9)
    seconds[4] = wild_s
    msg = event_cloud(message, x=range(9), y=range(9), p=[1] * 9, t=seconds)
    stream = EventStream(10, 10)
    events = stream.decode(msg)
    assert events.x.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert stream.counters.events_stray == 1
    assert abs(events.stamp_ns - 1.7e18).max() < 2.1e7


def test_one_absolute_time_among_relative_ones_costs_one_event(message):
    msg = event_cloud(message, x=[1, 2, 3], y=[1] * 3, p=[1] * 3, t=np.array([0.0, 0.01, 1.7e9]))
    events = decode_events(msg, 10, 10)
    assert events.x.tolist() == [1, 2]
    assert (events.stamp_ns - START_NS).tolist() == [0, 10_000_000]


def test_an_empty_packet_is_a_measurement(message):
    assert len(decode_events(event_cloud(message, x=[], y=[], p=[]), 10, 10).x) == 0


def test_broken_event_clouds_are_rejected(message):
    with pytest.raises(SampleError, match='10 x 9 pixels'):
        decode_events(event_cloud(message, x=[10], y=[3], p=[1]), 9, 10)
    with pytest.raises(SampleError, match='needs the fields'):
        decode_events(event_cloud(message, x=[1], y=[1]), 9, 10)
    with pytest.raises(SampleError, match='NaN'):
        decode_events(event_cloud(message, x=[1], y=[1], p=[1], t=np.float32([np.nan])), 9, 10)
    with pytest.raises(SampleError, match='no event message'):
        decode_events(message(), 9, 10)


def test_events_before_their_message_are_rejected():
    early = EventData(
        np.uint16([1]), np.uint16([1]), np.array([5], np.int64), np.array([True]), 10, 10
    )
    with pytest.raises(SampleError, match='71 minutes'):
        event_cloud_fields(early, START_NS)
