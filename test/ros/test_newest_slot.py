from mmseg_ros.ros.newest_slot import NewestSlot


def test_newer_item_replaces_the_waiting_one():
    slot = NewestSlot()
    for item in (1, 2, 3):
        slot.put(item)
    assert slot.take() == 3
    assert slot.dropped == 2


def test_cleared_slot_waits_for_the_next_item():
    slot = NewestSlot()
    slot.put(1)
    slot.clear()
    slot.put(2)
    assert slot.take() == 2
    assert slot.dropped == 0


def test_closed_slot_gives_none_even_with_an_item():
    slot = NewestSlot()
    slot.put(1)
    slot.close()
    assert slot.take() is None
