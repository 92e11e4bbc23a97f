"""Which frames need the depth image at the size of the labels."""

import numpy as np
import pytest

from mmseg_ros.core.config import OutputConfig
from mmseg_ros.core.ground_config import GroundConfig
from mmseg_ros.core.types import CloseReason, CloudData, FrameSet, ImageData, SensorSample
from mmseg_ros.ros import outputs as module

pytestmark = pytest.mark.ros


def frame_of(scan_ns):
    payloads = {'rgb': (9, ImageData(np.zeros((2, 2, 3), np.uint8)))}
    if scan_ns is not None:
        payloads['lidar'] = scan_ns, CloudData(np.zeros(0, [('x', '<f4')]), 1, 0)
    samples = {name: SensorSample(name, at, name, data) for name, (at, data) in payloads.items()}
    return FrameSet('rgb', 9, samples, tuple(samples), CloseReason.COMPLETE)


@pytest.fixture
def outputs_for(monkeypatch):
    def made(*subscribed):
        class Publisher:
            def __init__(self, node, topic, *rest):
                self.topic = topic

            def wanted(self):
                return self.topic in subscribed

        monkeypatch.setattr(module, 'ResultPublisher', Publisher)
        monkeypatch.setattr(module, 'LabelInfoPublisher', lambda node: None)
        return module.Outputs(None, OutputConfig(), GroundConfig(enabled=True), lambda frame: None)

    return made


def test_labels_and_pictures_need_none(outputs_for):
    outputs = outputs_for('~/labels', '~/confidence', '~/color', '~/overlay', '~/modalities')
    assert not any(outputs.need_surface(frame_of(scan)) for scan in (1, 2, None))


@pytest.mark.parametrize('topic', ['~/points', '~/ground'])
def test_what_is_published_once_per_scan_needs_it_once_per_scan(outputs_for, topic):
    outputs = outputs_for(topic)
    needed = [outputs.need_surface(frame_of(scan)) for scan in (1, 1, 2, 2, 2, 3)]
    assert needed == [True, False, True, False, False, True]


@pytest.mark.parametrize('topic', ['~/points/organized', '~/debug/projection'])
def test_what_is_published_per_frame_needs_it_in_each(outputs_for, topic):
    outputs = outputs_for(topic, '~/points')
    assert all(outputs.need_surface(frame_of(scan)) for scan in (1, 1, None))
