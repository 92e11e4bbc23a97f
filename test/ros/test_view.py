"""The page of a running node in a real browser: prompts, silenced sensors, health."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import String

from mmseg_ros.ros.qos import latched_qos
from mmseg_ros.ros.tools.player import SILENCE_TOPIC
from mmseg_ros.view.feed import Feed
from mmseg_ros.view.scene import Scene

sys.path.insert(0, str(Path(__file__).parents[1] / 'view'))
from browser import Browser, needs_chromium

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')
LONG_S = 120.0


@pytest.fixture
def node(make_node, make_referring_bundle):
    return make_node(
        referring__bundle=str(make_referring_bundle().path), referring__backend='onnxruntime'
    )


@pytest.fixture
def link(node):
    from mmseg_ros.ros.view_link import ViewLink

    scene = Scene()
    made = ViewLink(Feed(scene, '/mmseg'), '/mmseg', silence=True)
    yield scene, made
    made.close()


def once_a_second(condition):
    """Return the condition, looked at so rarely that the sensors keep their pace."""
    last = [0.0, False]

    def seen():
        if time.monotonic() - last[0] > 1.0:
            last[1] = condition()
            last[0] = time.monotonic()
        return last[1]

    return seen


def test_a_listener_without_a_page_has_all_of_it(node, sensors, link):
    scene, source = link

    def arrived():
        source.pump()
        return (
            set(ALL) <= set(scene.pictures)
            and set(ALL) <= set(scene.health)
            and scene.labels is not None
            and scene.label_space is not None
            and scene.cloud is not None
        )

    assert sensors.play_until(ALL, arrived, LONG_S), (scene.version, scene.pictures.keys())
    assert scene.labels.shape == (sensors.HEIGHT, sensors.WIDTH)
    assert scene.health['lidar'].values['topic'] == '/lidar/points'

    def counted():  # nothing is decoded meanwhile
        return scene.rate_hz() > 0.0

    scene.clear()
    assert sensors.play_until(ALL, counted, LONG_S)
    assert scene.labels is None
    source.controls().ask('the red car')

    def masked():
        source.pump()
        return scene.mask is not None

    assert sensors.play_until(ALL, masked, LONG_S)


def test_silenced_sensors_reach_the_player(graph, listener, link):
    _, source = link
    listener.listen(String, SILENCE_TOPIC, latched_qos())
    source.controls().silence(['lidar', 'rgb'])
    heard = listener.messages[SILENCE_TOPIC]
    assert graph.spin_until(lambda: heard)
    assert heard[-1].data == 'lidar,rgb'


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_chromium
def test_a_visitor_asks_and_silences(node, sensors, graph, listener, tmp_path):
    pytest.importorskip('viser')
    listener.listen(Image, '/mmseg/labels')
    listener.listen(String, SILENCE_TOPIC, latched_qos())
    command = [sys.executable, '-u', '-m', 'mmseg_ros', 'view', '--port', '8350', '--silence']
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    browser = None
    try:
        said = iter(served.stdout.readline, '')
        url = next(filter(None, (re.search(r'http://[\d.:]+', line) for line in said)))[0]
        browser = Browser(tmp_path / 'browser', url)

        def on_page(*words, modalities=ALL):
            seen = once_a_second(lambda: all(word in browser.text() for word in words))
            assert sensors.play_until(modalities, seen, LONG_S), (words, browser.text()[:800])

        on_page('Text prompt', 'Silence lidar', 'latency (p95)')
        browser.type_into('the red car')
        browser.click('Ask')
        on_page('segmenting')
        assert node.session.referring.sentences == ('the red car',)
        browser.click('Silence lidar')
        heard = listener.messages[SILENCE_TOPIC]
        assert graph.spin_until(lambda: heard and heard[-1].data == 'lidar', LONG_S)
        on_page('Bring back lidar')
        without = tuple(name for name in ALL if name != 'lidar')
        on_page('LOST', modalities=without)
        count = len(listener.messages['/mmseg/labels'])
        assert sensors.play_until(
            without, lambda: len(listener.messages['/mmseg/labels']) > count + 2, LONG_S
        ), 'the labels go on'
        browser.click('Bring back lidar')
        assert graph.spin_until(lambda: heard[-1].data == '', LONG_S)
    finally:
        if browser is not None:
            browser.close()
        served.terminate()
        served.communicate(timeout=60)
    assert served.returncode == 0
