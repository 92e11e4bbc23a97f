"""Of the frames that wait, the fullest is processed, the newest of equals, in order of stamps."""

from hypothesis import given
from hypothesis import strategies as st

from mmseg_ros.core.types import CloseReason, FrameSet, ImageData, SensorSample
from mmseg_ros.sync.selection import MOST_IN_ORDER, FrameSelector

NAMES = ('rgb', 'depth', 'event', 'lidar')


def frame(stamp_ns, count):
    samples = {name: SensorSample(name, stamp_ns, name, ImageData(None)) for name in NAMES[:count]}
    return FrameSet('rgb', stamp_ns, samples, NAMES, CloseReason.COMPLETE)


def test_a_fuller_frame_wins_over_a_newer_emptier_one():
    selector = FrameSelector(100)
    for stamp_ns, count in ((10, 3), (40, 4), (70, 3)):
        selector.add(frame(stamp_ns, count))
    assert selector.choose().stamp_ns == 40
    assert selector.choose().stamp_ns == 70
    assert selector.choose() is None
    assert selector.dropped == 1


def test_the_newest_of_equals_is_taken():
    selector = FrameSelector(100)
    for stamp_ns in (10, 40, 70):
        selector.add(frame(stamp_ns, 3))
    assert selector.choose().stamp_ns == 70
    assert selector.dropped == 2


def test_a_full_frame_that_is_too_old_is_dropped():
    selector = FrameSelector(50)
    selector.add(frame(10, 4))
    selector.add(frame(61, 1))
    assert selector.choose().stamp_ns == 61


def test_after_a_jump_back_only_the_new_time_counts():
    selector = FrameSelector(100)
    selector.add(frame(1000, 4))
    selector.add(frame(10, 1))
    assert selector.choose().stamp_ns == 10


def test_frames_added_in_order_are_all_taken_and_then_the_best_again():
    selector = FrameSelector(100)
    selector.add(frame(0, 4))
    selector.add(frame(200, 2))
    selector.add(frame(400, 4), in_order=True)
    selector.add(frame(600, 3))
    assert [selector.choose().stamp_ns for _ in range(3)] == [200, 400, 600]
    assert selector.dropped == 1, 'too old before that'
    selector.add(frame(700, 4))
    selector.add(frame(710, 3))
    selector.add(frame(720, 3))
    assert selector.choose().stamp_ns == 700, 'nobody waits in order any more'
    assert selector.choose().stamp_ns == 720


def test_only_a_few_frames_wait_in_order():
    selector = FrameSelector(100)
    for stamp_ns in range(10):
        selector.add(frame(stamp_ns, 4), in_order=True)
    assert len(selector) == MOST_IN_ORDER
    assert selector.choose().stamp_ns == 10 - MOST_IN_ORDER
    assert selector.dropped == 10 - MOST_IN_ORDER
    selector.clear()
    selector.add(frame(20, 1))
    selector.add(frame(30, 2))
    assert selector.choose().stamp_ns == 30


ACTIONS = st.lists(
    st.one_of(st.tuples(st.integers(1, 200), st.integers(1, 4)), st.just('choose')), max_size=80
)


@given(ACTIONS, st.integers(0, 300))
def test_the_law(actions, max_age_ns):
    selector = FrameSelector(max_age_ns)
    now_ns, taken, added = 0, [], 0
    waiting = []
    for action in actions:
        if action == 'choose':
            chosen = selector.choose()
            assert (chosen is None) == (not waiting)
            if chosen is None:
                continue
            newest_ns = waiting[-1].stamp_ns
            young = [f for f in waiting if f.stamp_ns >= newest_ns - max_age_ns]
            assert chosen in young
            assert all(
                (len(f.samples), f.stamp_ns) <= (len(chosen.samples), chosen.stamp_ns)
                for f in young
            )
            assert not taken or chosen.stamp_ns > taken[-1]
            taken.append(chosen.stamp_ns)
            waiting = [f for f in young if f.stamp_ns > chosen.stamp_ns]
        else:
            now_ns += action[0]
            made = frame(now_ns, action[1])
            selector.add(made)
            waiting.append(made)
            added += 1
            waiting = [f for f in waiting if f.stamp_ns >= now_ns - max_age_ns]
        assert len(selector) <= 64
    assert selector.dropped + len(selector) + len(taken) == added
