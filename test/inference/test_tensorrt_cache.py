"""The engine cache on real engines of TensorRT-RTX: damaged, external, locked, killed."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference import tensorrt_backend
from mmseg_ros.inference.engine_cache import EngineCache
from mmseg_ros.inference.tensorrt_backend import TensorRt
from mmseg_ros.inference.tensorrt_build import build_engine, import_library

pytest.importorskip('tensorrt_rtx', reason='real engines are not built: make test-tensorrt')

BUILDER = """
import hashlib, sys, time
from pathlib import Path
from mmseg_ros.inference import tensorrt_backend
from mmseg_ros.inference.engine_cache import EngineCache
from mmseg_ros.inference.tensorrt_build import build_engine

path, folder, log, pause_s = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]

def build(*args, **options):
    with log.open('a') as stream:
        stream.write('begin\\n')
    return build_engine(*args, **options)

def pause(phase, share):
    log.with_suffix('.inside').touch()
    time.sleep(float(pause_s))

tensorrt_backend.build_engine = build
runtime = tensorrt_backend.TensorRt(cache=EngineCache(folder), progress=pause)
print(hashlib.sha256(runtime.engine(path)).hexdigest())
"""


@pytest.fixture
def path(make_bundle):
    return make_bundle(modalities=('rgb', 'lidar')).onnx_path


@pytest.fixture
def runtime(tmp_path):
    return TensorRt(cache=EngineCache(tmp_path / 'engines'))


@pytest.fixture
def start_builder(path, runtime, tmp_path):
    """Return what starts a process that builds the engine; `pause_s` holds up every step."""
    children = []

    def start(pause_s):
        words = [path, runtime._cache.folder, tmp_path / 'log', str(pause_s)]
        child = subprocess.Popen(
            [sys.executable, '-c', BUILDER, *words], stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait(10)


def wait_for(condition, limit_s=120):
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def truncate(engine, sidecar):
    engine.write_bytes(engine.read_bytes()[: engine.stat().st_size // 2])


def change(engine, sidecar):
    content = bytearray(engine.read_bytes())
    content[len(content) // 2] ^= 1
    engine.write_bytes(content)


def forget(engine, sidecar):
    sidecar.unlink()


@pytest.mark.parametrize('damage', [truncate, change, forget])
def test_a_damaged_engine_is_built_again(runtime, path, damage):
    runtime.engine(path)
    (engine,) = runtime._cache.folder.glob('*.engine')
    damage(engine, engine.with_suffix('.json'))
    assert not runtime.has_engine(path)
    content = runtime.engine(path)
    assert runtime.has_engine(path)
    assert engine.read_bytes() == content


@pytest.mark.parametrize(
    ('name', 'other'),
    [
        ('library_name', lambda trt: 'tensorrt_rtx 1.6.0'),
        ('device_name', lambda: 'NVIDIA H200 sm_90'),
    ],
    ids=['version', 'GPU'],
)
def test_an_engine_of_another_version_or_gpu_is_built_anew(
    runtime, path, monkeypatch, name, other
):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(tensorrt_backend, name, other)
        external = runtime.engine(path)
        (file,) = runtime._cache.folder.glob('*.engine')
    assert not runtime.has_engine(path)
    runtime.engine(path)
    assert runtime.has_engine(path)
    assert file.read_bytes() == external
    # One engine under the other's name, as a careless copy between vehicles leaves it.
    (own,) = set(runtime._cache.folder.glob('*.engine')) - {file}
    own.with_suffix('.json').write_bytes(file.with_suffix('.json').read_bytes())
    own.write_bytes(external)
    assert not runtime.has_engine(path)


def test_of_two_processes_one_builds_and_both_get_the_same_engine(
    runtime, path, start_builder, tmp_path
):
    children = [start_builder(0.05) for _ in range(2)]
    found = [child.communicate(timeout=240)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert (tmp_path / 'log').read_text() == 'begin\n'
    assert found[0] == found[1] == hashlib.sha256(runtime.engine(path)).hexdigest()


def test_a_build_that_is_killed_leaves_the_lock_free_and_nothing_that_counts(
    runtime, path, start_builder, tmp_path
):
    child = start_builder(100)
    wait_for((tmp_path / 'log.inside').exists)
    key = runtime.key(import_library(), path)
    with pytest.raises(BackendError, match='another process has been building'):
        runtime._cache.find_or_build(key, lambda: b'', wait_s=0.3)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    whole = build_engine(import_library(), path)
    (runtime._cache.folder / f'{key.digest()}.engine.tmp').write_bytes(whole[: len(whole) // 2])
    assert not runtime.has_engine(path)
    began_s = time.monotonic()
    assert runtime._cache.find_or_build(key, lambda: whole, wait_s=0) == whole
    assert time.monotonic() - began_s < 10
    assert not list(runtime._cache.folder.glob('*.tmp'))
    assert runtime.engine(path) == whole
