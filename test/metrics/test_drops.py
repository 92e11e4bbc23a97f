"""Every drop has a line with its sensor, number and cause."""

from mmseg_ros.metrics.drops import DropRow, doubts_of, drop_rows, drop_text

METRICS = {
    'malformed': {'rgb': {'count': 2, 'reason': 'no image'}},
    'rejected': {'lidar': {'count': 1, 'reason': 'no pose'}},
    'dropped': {'depth': {'the buffer was full': 5}},
    'lost': {'event': {'events outside the sensor': 7}},
    'sets': {'unusable': {'no plane': 3}},
}


def test_all_kinds_are_told():
    assert drop_rows(METRICS) == [
        DropRow('rgb', 'messages rejected', 2, 'no image'),
        DropRow('lidar', 'samples not alignable', 1, 'no pose'),
        DropRow('depth', 'samples dropped', 5, 'the buffer was full'),
        DropRow('event', 'parts of samples lost', 7, 'events outside the sensor'),
        DropRow('', 'frames unusable', 3, 'no plane'),
    ]
    lines = drop_text(METRICS).splitlines()
    assert lines[0] == 'Not used:'
    assert lines[1].split() == ['rgb', '2', 'messages', 'rejected:', 'no', 'image']
    assert len(lines) == 6


def test_nothing_to_tell():
    empty = {'malformed': {}, 'rejected': {}, 'dropped': {}, 'lost': {}, 'sets': {'unusable': {}}}
    assert drop_text(empty) == ''


def test_what_may_be_damaged_is_told_after_it():
    doubts = ['1 of 1 files of drive have no checksums.', 'metadata.yaml counts more.']
    assert drop_text({**METRICS, 'bag': {'doubts': doubts}}).splitlines()[6:] == doubts
    assert doubts_of(METRICS) == []
