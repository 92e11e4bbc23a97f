"""Wakes a collector at its deadlines."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

_SHORTEST_WAIT_NS = 1_000_000
_LONGEST_WAIT_NS = 50_000_000
"""Simulated time may run faster than the steady clock of the timer: look 20 times a second."""

_PASSED = -1


class DeadlineTimer:
    """A timer of a node that is armed again after every call of the collector.

    Args:
        node: Whose executor runs the timer and whose clock the deadlines are on.
        wake: Called at the deadline.
    """

    def __init__(self, node: Node, wake: Callable[[], None]) -> None:
        self._node = node
        self._wake = wake
        self._armed_ns: int | None = None
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(1.0, self._on_time, clock=steady)
        self._timer.cancel()

    def arm(self, deadline_ns: int | None) -> None:
        """Wake at a deadline on the node's clock; None waits for the next call of this."""
        if deadline_ns == self._armed_ns:  # as after most samples; the timer is under way
            return
        self._armed_ns = deadline_ns
        if deadline_ns is None:
            self._timer.cancel()
            return
        wait_ns = deadline_ns - int(self._node.get_clock().now().nanoseconds)
        self._timer.timer_period_ns = min(max(wait_ns, _SHORTEST_WAIT_NS), _LONGEST_WAIT_NS)
        self._timer.reset()

    def _on_time(self) -> None:
        self._armed_ns = _PASSED  # whatever is asked for next, the wait for it is another one
        self._wake()

    def close(self) -> None:
        """Remove the timer."""
        self._node.destroy_timer(self._timer)
