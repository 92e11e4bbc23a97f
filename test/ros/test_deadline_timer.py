"""The timer behind the deadlines is set anew only where that changes something."""

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.ros


class Timer:
    def __init__(self, callback):
        self.callback = callback
        self.timer_period_ns = 0
        self.resets = 0
        self.canceled = 0

    def reset(self):
        self.resets += 1

    def cancel(self):
        self.canceled += 1


@pytest.fixture
def timer():
    """Return a deadline timer on a clock that stands at 1 s, what is below it, and the calls."""
    from mmseg_ros.ros.deadline_timer import DeadlineTimer

    made, woken = [], []
    clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=1_000_000_000))
    node = SimpleNamespace(
        create_timer=lambda period_s, callback, clock: made.append(Timer(callback)) or made[0],
        get_clock=lambda: clock,
    )
    deadlines = DeadlineTimer(node, lambda: woken.append(1))
    return deadlines, made[0], woken


def test_the_same_deadline_is_not_set_twice(timer):
    deadlines, below, _ = timer
    for _ in range(3):
        deadlines.arm(1_020_000_000)
    assert (below.resets, below.timer_period_ns) == (1, 20_000_000)
    deadlines.arm(1_030_000_000)
    assert (below.resets, below.timer_period_ns) == (2, 30_000_000)


def test_after_it_has_rung_the_same_deadline_is_set_again(timer):
    deadlines, below, woken = timer
    deadlines.arm(2_000_000_000)
    assert below.timer_period_ns == 50_000_000  # simulated time may run faster
    below.callback()
    deadlines.arm(2_000_000_000)
    assert (woken, below.resets) == ([1], 2)


def test_without_a_deadline_it_is_silent_until_there_is_one(timer):
    deadlines, below, _ = timer
    deadlines.arm(1_020_000_000)
    canceled = below.canceled
    deadlines.arm(None)
    assert below.canceled == canceled + 1
    deadlines.arm(1_020_000_000)
    assert below.resets == 2
