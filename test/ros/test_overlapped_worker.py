"""The first half of the next item runs while the second half of this one does."""

import threading
import time

import pytest

pytest.importorskip('rclpy')

from mmseg_ros.ros.overlapped_worker import OverlappedWorker


def wait_for(condition):
    end_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_items_pass_both_halves_in_order():
    done = []
    worker = OverlappedWorker('test', lambda item: item * 10, done.append)
    for i in range(1, 6):
        worker.slot.put(i)
        wait_for(lambda count=i: len(done) == count)
    assert done == [10, 20, 30, 40, 50]
    assert worker.stop()


def test_the_next_item_is_prepared_while_one_is_finished():
    begun, release, prepared, done = threading.Event(), threading.Event(), [], []

    def prepare(item):
        prepared.append(item)
        return item

    def finish(item):
        begun.set()
        release.wait(20)
        done.append(item)

    worker = OverlappedWorker('test', prepare, finish)
    worker.slot.put('a')
    assert begun.wait(20)
    worker.slot.put('b')
    wait_for(lambda: prepared == ['a', 'b'])
    assert done == []
    release.set()
    wait_for(lambda: done == ['a', 'b'])
    assert worker.stop()


def test_under_overload_the_newest_wins_and_nothing_is_prepared_in_vain():
    prepared, done = [], []

    def prepare(item):
        prepared.append(item)
        return item

    def finish(item):
        time.sleep(0.05)
        done.append(item)

    worker = OverlappedWorker('test', prepare, finish)
    for i in range(1, 101):
        worker.slot.put(i)
        time.sleep(0.003)
    wait_for(lambda: done and done[-1] == 100)
    assert done == sorted(done) == prepared
    assert len(done) + worker.slot.dropped == 100
    assert worker.slot.dropped > 20
    assert worker.stop()


def test_under_overload_the_next_item_is_taken_late_so_that_results_are_fresh():
    ages_s = []

    def prepare(put_s):
        time.sleep(0.01)
        return put_s

    def finish(put_s):
        ages_s.append(time.monotonic() - put_s)
        time.sleep(0.2)

    worker = OverlappedWorker('test', prepare, finish)
    end_s = time.monotonic() + 3.0
    while time.monotonic() < end_s:
        worker.slot.put(time.monotonic())
        time.sleep(0.005)
    assert worker.stop()
    # Taken as soon as the place is free, an item would be 0.2 s old when its turn comes.
    assert sorted(ages_s[2:])[len(ages_s) // 2 - 1] < 0.1


def test_a_slow_item_delays_no_other():
    slow_s, begun_s = 3.0, []

    def finish(item):
        begun_s.append(time.monotonic())
        time.sleep(slow_s if item == 'slow' else 0.1)

    worker = OverlappedWorker('test', lambda item: item, finish)
    worker.slot.put('slow')
    wait_for(lambda: begun_s)
    worker.slot.put('next')
    wait_for(lambda: len(begun_s) == 2)
    worker.slot.put('last')
    wait_for(lambda: len(begun_s) == 3)
    assert begun_s[1] - begun_s[0] >= slow_s
    assert begun_s[2] - begun_s[1] < slow_s / 2
    assert worker.stop()


def test_a_dropped_item_does_not_stop_the_next():
    done = []
    worker = OverlappedWorker('test', lambda item: None if item == 1 else item, done.append)
    for i in (1, 2, 3):
        worker.slot.put(i)
        wait_for(lambda item=i: item == 1 or item in done)
    wait_for(lambda: done[-1] == 3)
    assert 1 not in done
    assert worker.stop()


def test_it_stops_while_nothing_is_there():
    worker = OverlappedWorker('test', lambda item: item, lambda item: None)
    assert worker.stop(5)
