"""Frames between two threads: the best one, or one after another while a network is loaded."""

from types import SimpleNamespace

import pytest

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.types import CloseReason, FrameSet

pytest.importorskip('rclpy')
from mmseg_ros.core.errors import BundleError
from mmseg_ros.ros import model_switch
from mmseg_ros.ros.frame_slot import FrameSlot
from mmseg_ros.ros.session import Session

pytestmark = pytest.mark.ros


def frame(stamp_ns):
    return FrameSet('rgb', stamp_ns, {}, ('rgb',), CloseReason.COMPLETE)


def taken(slot, count):
    return [slot.take().stamp_ns for _ in range(count)]


def test_the_newest_is_taken_but_all_while_a_network_is_loaded():
    loading = [False]
    slot = FrameSlot(1.0, lambda: loading[0])
    for stamp_ns in (1, 2):
        slot.put(frame(stamp_ns))
    assert taken(slot, 1) == [2]
    assert slot.dropped == 1
    loading[0] = True
    for stamp_ns in (3, 4):
        slot.put(frame(stamp_ns))
    loading[0] = False
    slot.put(frame(5))
    assert taken(slot, 3) == [3, 4, 5]
    assert slot.dropped == 1


@pytest.mark.parametrize('fails', [False, True])
def test_a_session_says_so_as_long_as_a_network_is_loaded(monkeypatch, fails):
    runtime = SimpleNamespace(name='onnxruntime')  # another would lower this thread's priority
    session, seen = SimpleNamespace(is_loading=False, backend=runtime), []

    def load(settings, is_stopping):
        seen.append(session.is_loading)
        if fails:
            raise BundleError('damaged')
        return settings

    monkeypatch.setattr(model_switch, 'load', load)
    monkeypatch.setattr(
        model_switch,
        'plan',
        lambda config: SimpleNamespace(backend=runtime, bundle=config.model.bundle),
    )
    node = SimpleNamespace(config=NodeConfig(), stopping=False)
    slot = model_switch._ModelSlot(node, session)
    if fails:
        with pytest.raises(BundleError):
            slot.load('other')
    else:
        assert slot.load('other').bundle == 'other'
    assert seen == [True]
    assert not session.is_loading


def test_a_session_switches_until_the_graphs_of_the_new_network_are_ready():
    ready = [False]
    backend = SimpleNamespace(settle=lambda timeout_s: ready[0])
    session = SimpleNamespace(
        is_loading=True, _is_settling=False, _network=SimpleNamespace(backend=backend)
    )
    assert Session.is_switching(session)
    session.is_loading, session._is_settling = False, True
    assert Session.is_switching(session)
    ready[0] = True
    assert not Session.is_switching(session)
    ready[0] = False
    assert not Session.is_switching(session), 'graphs that a lost sensor asks for are no switch'
