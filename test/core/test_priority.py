"""A thread that gives way to others: it and what it starts, and nothing else."""

import os
import threading

from mmseg_ros.core.priority import LOW, LOWEST, lower_priority


def niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def in_thread(body):
    """Return what a function gives in a new thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(body()))
    thread.start()
    thread.join()
    return found[0]


def test_the_thread_and_those_that_it_starts_give_way():
    before = niceness()

    def body():
        lower_priority(LOWEST)
        return niceness(), in_thread(niceness)

    assert in_thread(body) == (max(before, LOWEST),) * 2
    assert niceness() == before


def test_a_thread_that_gives_way_more_stays_so():
    def body():
        lower_priority(LOWEST)
        lower_priority(LOW)
        return niceness()

    assert in_thread(body) >= LOWEST


def test_where_the_system_has_no_such_thing_nothing_changes(monkeypatch):
    monkeypatch.delattr(os, 'setpriority')
    before = niceness()
    lower_priority(LOWEST)
    assert niceness() == before
