"""No result although sensors deliver: an error that names the stage."""

import threading
import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros


@pytest.fixture
def watched(listener, sensors, make_node):
    node = make_node(diagnostics__no_result_s=0.5, diagnostics__rate_hz=20.0)
    listener.listen(Image, '/mmseg/labels')
    listener.listen(DiagnosticArray, '/diagnostics')

    def processing():
        for array in reversed(listener.messages['/diagnostics']):
            for status in array.status:
                if status.name == 'mmseg: processing':
                    return status
        return None

    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/labels'])
    return node, processing


def is_silent(status, stage):
    return (
        status is not None
        and status.level == DiagnosticStatus.ERROR
        and 'although sensors deliver' in status.message
        and stage in status.message
    )


@pytest.mark.parametrize('stage', ['align', 'encode', 'infer', 'publish'])
def test_a_stage_that_hangs_is_named_and_the_end_of_it_too(watched, sensors, monkeypatch, stage):
    node, processing = watched
    released = threading.Event()

    def hangs(*arguments, **options):
        released.wait(20)
        return whole(*arguments, **options)

    owner, name = {
        'align': ('mmseg_ros.pipeline', 'align_in'),
        'encode': ('mmseg_ros.pipeline', 'encode'),
        'infer': (node.session.backend, 'infer'),
        'publish': (node.session.outputs, 'publish'),
    }[stage]
    if isinstance(owner, str):
        import mmseg_ros.pipeline as owner
    whole = getattr(owner, name)
    monkeypatch.setattr(owner, name, hangs)
    assert sensors.play_until(('rgb',), lambda: is_silent(processing(), f"'{stage}' has been"))
    released.set()
    assert sensors.play_until(('rgb',), lambda: processing().level == DiagnosticStatus.OK)


def test_a_stage_that_fails_is_named(watched, sensors, monkeypatch):
    node, processing = watched
    monkeypatch.setattr(node.session.backend, 'infer', lambda *_: 1 / 0)
    assert sensors.play_until(('rgb',), lambda: is_silent(processing(), "'infer' fails"))


def test_silent_sensors_are_no_silence_of_the_node(watched, graph):
    _, processing = watched
    end_s = time.monotonic() + 3.5
    graph.spin_until(lambda: time.monotonic() > end_s)
    assert 'although sensors deliver' not in processing().message
