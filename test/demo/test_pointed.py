"""Five text prompts, each once, where there is something to point at."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.types import RGB, ImageData, SensorSample
from mmseg_ros.demo import pointed
from mmseg_ros.demo.pointed import pointed_section, scenes
from mmseg_ros.metrics.report import Report, render
from mmseg_ros.referring.segmenter import load_segmenter

CARS, ROAD, SKY = (load_label_space().class_id(name) for name in ('Cars', 'Road', 'Sky'))


class Truth:
    """Stamp -> true classes."""

    def __init__(self, images):
        self.images = images

    def label_image(self, stamp_ns):
        return self.images.get(stamp_ns)


def moment(stamp_ns, pixels=None):
    sample = SensorSample(RGB, stamp_ns, 'camera', ImageData(pixels))
    return SimpleNamespace(
        frame=SimpleNamespace(elapsed_s=stamp_ns / 1e9, stamp_ns=stamp_ns),
        frame_set=SimpleNamespace(samples={} if pixels is None else {RGB: sample}),
    )


@pytest.fixture
def two_moments(monkeypatch):
    said = {'the red car': 'Cars', 'the blue car': 'Cars', 'the green': 'Road', 'left': 'Bus'}
    monkeypatch.setattr(pointed, '_CANDIDATES', said)
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30, 0] = 255
    pixels[:, 30:, 2] = 255
    labels = np.full((40, 60), SKY, np.uint8)
    labels[:, :15] = CARS
    labels[30:] = ROAD
    roads = np.full((40, 60), ROAD, np.uint8)
    truth = Truth({1: labels, 2: roads, 3: labels})
    return [moment(1, pixels), moment(2, pixels), moment(3), moment(4, pixels)], truth


def test_every_sentence_is_used_once_and_where_its_class_is(two_moments):
    found = scenes(*two_moments)
    assert [scene.sentences for scene in found] == [
        ('the red car', 'the blue car'),
        ('the green',),
    ]
    assert found[1].elapsed_s == pytest.approx(2e-9)


def test_no_more_than_five_sentences(monkeypatch):
    monkeypatch.setattr(pointed, '_CANDIDATES', {f'car {i}': 'Cars' for i in range(9)})
    pixels = np.zeros((4, 4, 3), np.uint8)
    labels = np.full((4, 4), CARS, np.uint8)
    found = scenes([moment(1, pixels), moment(2, pixels)], Truth({1: labels, 2: labels}))
    assert [len(scene.sentences) for scene in found] == [3, 2]
    assert scenes([], Truth({})) == []


def test_the_section_shows_and_scores_each(two_moments, make_referring_bundle):
    segmenter = load_segmenter(str(make_referring_bundle().path), 'onnxruntime', threads=1)
    section = pointed_section(scenes(*two_moments), segmenter)
    page = render(Report('t', 's', [], [section]))
    assert page.count('<img') == 3
    assert 'colors was given these text prompts' in page
    assert '“the red car” at 0.0 s: 3' in page
    assert '“the blue car” at 0.0 s: 0.0 % Cars' in page
    assert '“the green” at 0.0 s: nothing found' in page
