import threading

from mmseg_ros.ros.worker import NewestSlot, Worker


def test_newer_item_replaces_the_waiting_one():
    slot = NewestSlot()
    for item in (1, 2, 3):
        slot.put(item)
    assert slot.take() == 3
    assert slot.overwritten == 2


def test_cleared_slot_waits_for_the_next_item():
    slot = NewestSlot()
    slot.put(1)
    slot.clear()
    slot.put(2)
    assert slot.take() == 2
    assert slot.overwritten == 0


def test_closed_slot_gives_none_even_with_an_item():
    slot = NewestSlot()
    slot.put(1)
    slot.close()
    assert slot.take() is None


def test_busy_worker_skips_to_the_newest():
    done: list[int] = []
    started, go_on = threading.Event(), threading.Event()

    def work(item: int) -> None:
        started.set()
        go_on.wait(5)
        done.append(item)

    worker = Worker('test', work)
    worker.slot.put(0)
    assert started.wait(5)
    for item in range(1, 6):
        worker.slot.put(item)
    go_on.set()
    for _ in range(500):
        if len(done) == 2:
            break
        threading.Event().wait(0.01)
    assert worker.stop()
    assert done == [0, 5]
    assert worker.slot.overwritten == 4


def test_stop_reports_a_worker_that_does_not_end():
    hold = threading.Event()
    worker = Worker('test', lambda _: hold.wait(5))
    worker.slot.put(1)
    for _ in range(500):
        if worker.slot.take is not None and worker.slot._item is None:
            break
        threading.Event().wait(0.01)
    assert worker.stop(timeout_s=0.05) is False
    hold.set()
