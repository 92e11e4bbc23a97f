import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.engine_cache import EngineCache, EngineKey, default_cache

KEY = EngineKey('abc', 'tensorrt 11.4.0', 'NVIDIA H200 sm_90', 'fp16', '192x320')

BUILDER = """
import sys, time
from pathlib import Path
from mmseg_ros.inference.engine_cache import EngineCache, EngineKey
folder, log, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def build():
    with log.open('a') as stream:
        stream.write('begin\\n')
    time.sleep(seconds)
    return b'engine' * 1000

key = EngineKey('abc', 'tensorrt 11.4.0', 'NVIDIA H200 sm_90', 'fp16', '192x320')
found = EngineCache(folder).find_or_build(key, build)
assert found == b'engine' * 1000
"""


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / 'engines')


def never():
    raise AssertionError('built although the engine is there')


def start_builder(cache, log, seconds):
    return subprocess.Popen([sys.executable, '-c', BUILDER, cache.folder, log, str(seconds)])


def wait_for(condition, limit_s=60):
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_an_engine_is_built_once_and_found_again(cache):
    assert cache.find(KEY) is None
    assert cache.find_or_build(KEY, lambda: b'engine') == b'engine'
    assert cache.find_or_build(KEY, never) == b'engine'
    assert EngineCache(cache.folder).find(KEY) == b'engine'
    cache.discard(KEY)
    assert cache.find(KEY) is None


@pytest.mark.parametrize(
    'change',
    [
        {'graph': 'abd'},
        {'library': 'tensorrt 11.5.0'},
        {'device': 'NVIDIA Orin sm_87'},
        {'precision': 'fp32'},
        {'shapes': '384x640'},
    ],
)
def test_an_engine_for_anything_else_is_another_engine(cache, change):
    cache.find_or_build(KEY, lambda: b'engine')
    assert cache.find(replace(KEY, **change)) is None
    assert cache.find_or_build(replace(KEY, **change), lambda: b'other') == b'other'
    assert cache.find(KEY) == b'engine'


@pytest.mark.parametrize(
    'damage',
    [
        lambda e, s: e.write_bytes(e.read_bytes()[:-3]),
        lambda e, s: e.write_bytes(b'x' + e.read_bytes()[1:]),
        lambda e, s: e.write_bytes(b''),
        lambda e, s: e.unlink(),
        lambda e, s: s.unlink(),
        lambda e, s: s.write_text(''),
        lambda e, s: s.write_text('[]'),
        lambda e, s: s.write_bytes(b'\xff\x00'),
        lambda e, s: s.write_text(json.dumps({**json.loads(s.read_text()), 'key': {}})),
    ],
    ids=['truncated', 'flipped', 'empty', 'gone', 'bare', 'no-json', 'list', 'binary', 'external'],
)
def test_a_damaged_engine_is_never_returned_and_built_again(cache, damage):
    cache.find_or_build(KEY, lambda: b'engine')
    (engine,) = cache.folder.glob('*.engine')
    damage(engine, engine.with_suffix('.json'))
    assert cache.find(KEY) is None
    assert cache.find_or_build(KEY, lambda: b'again') == b'again'
    assert cache.find(KEY) == b'again'


def test_a_failed_build_leaves_nothing_and_the_lock_free(cache):
    def fail():
        raise BackendError('unsupported operator')

    with pytest.raises(BackendError, match='unsupported operator'):
        cache.find_or_build(KEY, fail)
    assert not list(cache.folder.glob('*.engine'))
    assert cache.find_or_build(KEY, lambda: b'engine', wait_s=0) == b'engine'


def test_of_two_processes_that_build_at_once_only_one_does(cache, tmp_path):
    log = tmp_path / 'log'
    children = [start_builder(cache, log, 1.0) for _ in range(2)]
    assert [child.wait(120) for child in children] == [0, 0]
    assert log.read_text() == 'begin\n'
    assert cache.find(KEY) == b'engine' * 1000


def test_a_build_that_is_killed_can_be_done_by_the_next_process(cache, tmp_path):
    log = tmp_path / 'log'
    child = start_builder(cache, log, 100.0)
    wait_for(log.exists)
    with pytest.raises(BackendError, match='another process has been building'):
        cache.find_or_build(KEY, never, wait_s=0.3)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    (cache.folder / (KEY.digest() + '.engine.tmp')).write_bytes(b'half')
    assert cache.find(KEY) is None
    assert cache.find_or_build(KEY, lambda: b'engine') == b'engine'


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(BackendError, match='cannot be made'):
        EngineCache(tmp_path / 'file').find_or_build(KEY, lambda: b'engine')


def test_the_cache_stands_below_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert default_cache() == tmp_path / 'mmseg_ros' / 'engines'


def test_the_folder_and_the_files_are_closed_to_others(cache):
    cache.folder.mkdir(mode=0o755, parents=True)
    assert cache.find_or_build(KEY, lambda: b'own') == b'own'
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in cache.folder.iterdir()} == {0o600}


def test_a_folder_or_an_engine_of_another_user_is_not_used(cache, monkeypatch):
    cache.find_or_build(KEY, lambda: b'own')
    monkeypatch.setattr(os, 'geteuid', lambda: 4321)
    assert cache.find(KEY) is None
    with pytest.raises(BackendError, match='belongs to user'):
        cache.find_or_build(KEY, never)


@pytest.mark.parametrize('suffix', ['.engine', '.json'])
def test_an_engine_behind_a_link_or_open_to_others_is_never_loaded(cache, tmp_path, suffix):
    cache.find_or_build(KEY, lambda: b'own')
    path = cache.folder / (KEY.digest() + suffix)
    path.chmod(0o666)
    assert cache.find(KEY) is None
    path.chmod(0o600)
    assert cache.find(KEY) == b'own'
    path.rename(tmp_path / 'elsewhere')
    path.symlink_to(tmp_path / 'elsewhere')
    assert cache.find(KEY) is None


@pytest.mark.parametrize('suffix', ['.lock', '.engine.tmp', '.json.tmp', '.engine'])
def test_no_link_is_followed_when_writing(cache, tmp_path, suffix):
    precious = tmp_path / 'precious'
    precious.write_text('mine')
    cache.folder.mkdir(parents=True)
    (cache.folder / (KEY.digest() + suffix)).symlink_to(precious)
    if suffix == '.lock':
        with pytest.raises(BackendError, match='cannot be made'):
            cache.find_or_build(KEY, never)
    else:
        assert cache.find_or_build(KEY, lambda: b'own') == b'own'
        assert cache.find(KEY) == b'own'
    assert precious.read_text() == 'mine'


def test_a_link_as_folder_is_not_used(cache, tmp_path):
    (tmp_path / 'other').mkdir()
    cache.folder.symlink_to(tmp_path / 'other')
    with pytest.raises(BackendError, match='link'):
        cache.find_or_build(KEY, never)


def test_engines_that_were_not_used_for_longest_make_room(tmp_path):
    cache = EngineCache(tmp_path / 'engines', limit_bytes=250)
    keys = [replace(KEY, shapes=str(k)) for k in range(3)]
    for k, key in enumerate(keys[:2]):
        cache.find_or_build(key, lambda: b'x' * 100)
        os.utime(cache.folder / (key.digest() + '.engine'), (k + 1, k + 1))
    assert cache.find(keys[0])  # used again, so it is the younger one now
    cache.find_or_build(keys[2], lambda: b'x' * 100)
    assert [cache.find(key) is not None for key in keys] == [True, False, True]
    assert len(list(cache.folder.glob('*.json'))) == 2
