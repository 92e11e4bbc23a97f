import os
import subprocess
import sys
import time

import numpy as np
import pytest

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.bundle import seal_bundle
from mmseg_ros.inference.engine_cache import EngineCache
from mmseg_ros.inference.openvino_backend import OpenVino, shared_core
from mmseg_ros.inference.routed_backend import RoutedBackend

openvino = pytest.importorskip('openvino')


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / 'engines')


def answers(bundle, cache):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)
    backend = RoutedBackend(OpenVino(threads=1, cache=cache))
    backend.load(bundle)
    found = [backend.infer(images, np.array(there)) for there in ([True, True], [False, True])]
    backend.close()
    return np.stack([item.labels for item in found])


def test_a_compiled_graph_is_kept_and_read_again(make_bundle, cache, monkeypatch):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    first = answers(bundle, cache)
    (blob,) = cache.folder.glob('*.engine')
    monkeypatch.setattr(openvino.Core, 'read_model', lambda *args: pytest.fail('compiled again'))
    assert (answers(bundle, cache) == first).all()
    assert blob.stat().st_size > 100


@pytest.mark.parametrize('damage', ['truncated', 'changed', 'external'])
def test_a_damaged_or_external_blob_is_compiled_again(make_bundle, cache, damage):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    first = answers(bundle, cache)
    (blob,) = cache.folder.glob('*.engine')
    content = blob.read_bytes()
    if damage == 'external':  # whole, yet not OpenVINO's: as after a change of its format
        key = OpenVino(threads=1)._key(shared_core(), bundle.onnx_path)
        cache.discard(key)
        cache.find_or_build(key, lambda: b'not a blob')
    else:
        middle = len(content) // 2
        change = content[:middle] if damage == 'truncated' else content[:middle] + b'x' * middle
        blob.write_bytes(change)
    assert (answers(bundle, cache) == first).all()


def test_a_cache_that_cannot_be_written_is_no_obstacle(make_bundle, tmp_path, caplog):
    (tmp_path / 'file').write_text('')
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    began_s = time.perf_counter()
    assert answers(bundle, EngineCache(tmp_path / 'file')).shape == (2, 32, 64)
    assert time.perf_counter() - began_s < 60
    assert 'compiled without the cache' in caplog.text


def test_a_file_that_is_no_network_is_rejected(make_bundle, cache):
    bundle = make_bundle()
    bundle.onnx_path.write_bytes(b'not a network')
    with pytest.raises(BackendError, match='OpenVINO rejects it'):
        RoutedBackend(OpenVino(cache=cache)).load(seal_bundle(bundle.path, bundle.manifest))
    assert not list(cache.folder.glob('*.engine'))


def test_precision_is_asked_for_in_so_many_words(make_bundle, cache):
    runtime = OpenVino(threads=1, cache=cache)
    assert runtime._settings()['INFERENCE_PRECISION_HINT'] == 'f32'
    assert OpenVino(precision='bf16')._settings()['INFERENCE_PRECISION_HINT'] == 'bf16'
    keys = {
        OpenVino(precision=p)._key(shared_core(), make_bundle(name=p).onnx_path).digest()
        for p in ('fp32', 'bf16')
    }
    assert len(keys) == 2


@pytest.mark.parametrize(('precision', 'capability'), [('fp16', 'FP16'), ('bf16', 'BF16')])
def test_a_precision_that_the_processor_lacks_becomes_f32_in_words(
    make_bundle, cache, precision, capability, caplog
):
    has = capability in shared_core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    runtime = OpenVino(1, precision, cache)
    runtime.compile(make_bundle().onnx_path).close()
    assert runtime.precision == (precision if has else 'fp32')
    assert (f'does not compute in {precision}' in caplog.text) is not has


SIGNAL_AFTER_TWO = """
import gc, os, signal, sys
from pathlib import Path
from mmseg_ros.inference.openvino_backend import OpenVino

path = Path(sys.argv[1])
noted = []
signal.signal(signal.SIGINT, lambda *_: noted.append(1))
first, second = (OpenVino(threads=1).compile(path) for _ in range(2))
for _ in range(2):
    first.close()
    first, second = second, first
    gc.collect()
os.kill(os.getpid(), signal.SIGINT)
print('alive', noted)
"""


def test_a_signal_after_closed_graphs_does_not_kill_the_process(make_bundle, tmp_path):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    done = subprocess.run(
        [sys.executable, '-c', SIGNAL_AFTER_TWO, str(bundle.onnx_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, 'XDG_CACHE_HOME': str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == 'alive [1]'
