"""The process of the node does not grow with the messages it serves."""

import threading

import pytest

pytestmark = pytest.mark.ros


def test_what_ends_the_spinning_does_not_grow_with_every_callback(graph, listener):
    from mmseg_ros.ros.executor import StopFuture

    stop, calls, kept = StopFuture(), [], []

    def tick():
        calls.append(len(stop._callbacks))
        if len(calls) == 50:
            kept.append(max(calls))
            timer.cancel()
            # From another thread, as a signal comes: the executor must wake up for it.
            threading.Timer(0.2, stop.set_result, (None,)).start()

    timer = listener.node.create_timer(0.001, tick)
    graph.executor.spin_until_future_complete(stop)
    assert stop.done()
    assert kept == [1]
