import threading
import time

import numpy as np
import pytest

from mmseg_ros.core.errors import BackendError, BundleError
from mmseg_ros.inference.fallback_backend import EngineState, FallbackBackend
from mmseg_ros.inference.routed_backend import RoutedBackend

IMAGES = np.zeros((3, 32, 64, 3), np.uint8)
ALL = np.ones(3, bool)


@pytest.fixture
def pair(make_routed_bundle, fake_runtime):
    bundle = make_routed_bundle()
    return bundle, fake_runtime(bundle, 'better'), fake_runtime(bundle, 'safe')


def backend_of(better, safe, needs_time=lambda bundle: False):
    return FallbackBackend(RoutedBackend(better), RoutedBackend(safe), needs_time)


def test_the_preferred_backend_serves_alone_when_it_works(pair):
    bundle, better, safe = pair
    backend = backend_of(better, safe)
    assert backend.state is EngineState.NONE
    backend.load(bundle)
    backend.infer(IMAGES, ALL)
    assert (backend.state, backend.name) == (EngineState.READY, 'better')
    assert safe.compiled == []
    backend.close()


def test_the_other_one_serves_while_the_preferred_is_built_and_no_frame_is_lost(pair):
    bundle, better, safe = pair
    release = threading.Event()
    compile_now = better.compile

    def compile_slowly(path):
        release.wait(10)
        return compile_now(path)

    better.compile = compile_slowly
    backend = backend_of(better, safe, lambda bundle: True)
    began_s = time.perf_counter()
    backend.load(bundle)
    assert time.perf_counter() - began_s < 2.0
    for _ in range(10):
        backend.infer(IMAGES, ALL)
    assert (backend.state, backend.name) == (EngineState.BUILDING, 'safe')
    assert backend.status()['preferred backend'] == 'better: building'
    release.set()
    assert backend.settle(10)
    backend.infer(IMAGES, ALL)
    assert (backend.state, backend.name) == (EngineState.READY, 'better')
    assert len(safe.ran) >= 10
    backend.close()


def test_a_preferred_backend_that_cannot_load_leaves_the_other_and_its_reason(pair):
    bundle, better, safe = pair
    better.reject['model.onnx'] = 'no such GPU'
    for needs_time in (True, False):
        backend = backend_of(better, safe, lambda bundle, answer=needs_time: answer)
        backend.load(bundle)
        assert backend.settle(10)
        backend.infer(IMAGES, ALL)
        assert (backend.state, backend.name) == (EngineState.FAILED, 'safe')
        assert backend.status()['reason'] == 'no such GPU'
        backend.close()


def test_a_frame_on_which_the_preferred_backend_fails_is_answered_by_the_other(pair):
    bundle, better, safe = pair
    backend = backend_of(better, safe)
    backend.load(bundle)
    better.broken = 'out of memory'
    assert (backend.infer(IMAGES, ALL).confidence == 100).all()
    assert (backend.state, backend.name) == (EngineState.FALLBACK, 'safe')
    assert backend.reason == 'out of memory'
    better.broken = ''
    backend.infer(IMAGES, ALL)
    assert backend.name == 'safe'
    backend.close()


def test_a_failure_of_the_other_one_is_an_error_and_the_next_frame_is_tried(pair):
    bundle, better, safe = pair
    better.reject['model.onnx'] = 'no such GPU'
    backend = backend_of(better, safe)
    backend.load(bundle)
    safe.broken = 'out of memory'
    with pytest.raises(BackendError, match='out of memory'):
        backend.infer(IMAGES, ALL)
    safe.broken = ''
    backend.infer(IMAGES, ALL)
    backend.close()


def test_what_can_tell_that_it_will_not_work_is_not_tried(pair):
    bundle, better, safe = pair

    def reject(bundle):
        raise BackendError('there is no GPU')

    backend = backend_of(better, safe, reject)
    backend.load(bundle)
    backend.infer(IMAGES, ALL)
    assert better.compiled == []
    assert (backend.state, backend.reason) == (EngineState.FAILED, 'there is no GPU')
    backend.close()


def test_a_bundle_that_contradicts_itself_is_rejected_and_not_served(pair, monkeypatch):
    bundle, better, safe = pair
    backend = backend_of(better, safe)

    def reject(bundle):
        raise BundleError('input images')

    monkeypatch.setattr(RoutedBackend, 'load', lambda self, bundle: reject(bundle))
    with pytest.raises(BundleError, match='input images'):
        backend.load(bundle)


@pytest.mark.parametrize('needs_time', [True, False])
def test_subsets_are_prepared_for_whichever_serves(pair, needs_time):
    bundle, better, safe = pair
    backend = backend_of(better, safe, lambda bundle: needs_time)
    backend.load(bundle)
    backend.prepare(bundle.manifest.modality_names)
    assert backend.settle(10)
    assert backend.settle(10)  # the preferred one may just have taken over
    assert len(better.compiled) == 1 + len(bundle.manifest.subsets)
    better.broken = 'out of memory'
    backend.infer(IMAGES, ALL)
    assert backend.settle(10)
    assert len(safe.compiled) == 1 + len(bundle.manifest.subsets)
    backend.close()
