import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ros.core.types import ImageData, SensorSample
from mmseg_ros.sync.buffer import SampleBuffer


def sample(stamp_ns):
    return SensorSample('rgb', stamp_ns, 'rgb', ImageData(None))


def filled(stamps):
    buffer = SampleBuffer(limit=100)
    for arrival_ns, stamp_ns in enumerate(stamps):
        buffer.insert(stamp_ns, arrival_ns, sample(stamp_ns))
    return buffer


@given(
    stamps=st.lists(st.integers(0, 40), max_size=12),
    target=st.integers(-5, 45),
    before=st.integers(0, 15),
    after=st.integers(0, 15),
)
def test_nearest_agrees_with_a_search_over_all(stamps, target, before, after):
    buffer = filled(stamps)
    assert buffer.stamps == sorted(set(stamps))
    index = buffer.nearest(target, target - before, target + after)
    inside = [s for s in set(stamps) if target - before <= s <= target + after]
    if not inside:
        assert index == -1
    else:
        assert abs(buffer.stamps[index] - target) == min(abs(s - target) for s in inside)


def test_of_two_at_one_distance_the_first_to_arrive_is_nearest():
    assert filled([10, 20]).nearest(15, 0, 30) == 0
    assert filled([20, 10]).nearest(15, 0, 30) == 1


def test_the_newest_of_equal_stamps_wins_and_keeps_the_first_arrival():
    buffer = filled([10, 30, 20])
    newest = sample(20)
    assert buffer.insert(20, 99, newest) is False
    assert buffer.samples[1] is newest
    assert buffer.arrivals == [0, 2, 1]


def test_dropping():
    buffer = filled([10, 20, 30])
    assert buffer.drop_before(20) == 1
    assert buffer.stamps == [20, 30]
    assert buffer.first_after(20) == 1
    buffer.drop_first(0)
    assert len(buffer) == 2
    buffer.clear()
    assert (buffer.stamps, buffer.arrivals, buffer.samples) == ([], [], [])


def test_content_is_limited_in_bytes_and_the_count_stays_right():
    buffer = SampleBuffer(limit=100, limit_bytes=2500)
    image = ImageData(np.zeros((10, 100), np.uint8))
    for stamp_ns in range(3):
        buffer.insert(stamp_ns, stamp_ns, SensorSample('rgb', stamp_ns, 'rgb', image))
        assert buffer.is_over == (stamp_ns == 2)
    buffer.drop_first(1)
    assert not buffer.is_over
    buffer.insert(2, 3, SensorSample('rgb', 2, 'rgb', image))
    assert not buffer.is_over
    buffer.clear()
    large = ImageData(np.zeros((100, 100), np.uint8))
    buffer.insert(9, 9, SensorSample('rgb', 9, 'rgb', large))
    assert not buffer.is_over  # one sample is always kept
