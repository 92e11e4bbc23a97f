"""A sequence is simulated once and kept under a key of its making."""

import pytest

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.demo import sequence as drive


@pytest.fixture
def recorded(monkeypatch):
    made = []

    def record(path, seed, config, jobs):
        made.append((seed, config.frames))
        with BagWriter(path):
            yield from range(1, config.frames + 1)

    monkeypatch.setattr(drive, 'record_drive', record)
    return made


def test_the_second_time_it_comes_from_the_cache(recorded, tmp_path):
    told = []
    first = drive.cached_drive(tmp_path, 6.0, 1, lambda done, total: told.append((done, total)))
    assert drive.cached_drive(tmp_path, 6.0, 1, told.append) == first
    assert recorded == [(1, 60)]
    assert told[-1] == (60, 60)
    assert [p.name for p in tmp_path.iterdir()] == [first.name]


def test_other_options_or_sources_make_another_drive(recorded, tmp_path, monkeypatch):
    keys = {drive.cache_key(6.0, 1), drive.cache_key(7.0, 1), drive.cache_key(6.0, 2)}
    (tmp_path / 'world.py').write_text('changed = True\n')
    monkeypatch.setattr(drive.mmseg_ros.sim, '__path__', [str(tmp_path)])
    keys.add(drive.cache_key(6.0, 1))
    assert len(keys) == 4


def test_an_interrupted_simulation_leaves_nothing(recorded, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive.cached_drive(tmp_path, 6.0, 1, stop)
    assert list(tmp_path.iterdir()) == []
