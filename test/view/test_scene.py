"""What the page shows, from messages: without a browser and without a viewer."""

import socket
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.bag import builders
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.cli import main
from mmseg_ros.commands import view
from mmseg_ros.core.errors import BagError, ConfigError, MissingLibraryError
from mmseg_ros.core.types import EventData
from mmseg_ros.view import page as page_module
from mmseg_ros.view.bag_source import BagSource, bag_of
from mmseg_ros.view.feed import Feed
from mmseg_ros.view.pictures import STATE_COLORS, mosaic, payload_picture, scaled, timeline
from mmseg_ros.view.ports import free_port
from mmseg_ros.view.scene import Health, Scene


@pytest.fixture
def scene():
    return Scene()


def play(recording, scene):
    """Feed the whole recording at once."""
    feed = Feed(scene, '/mmseg')
    source = BagSource(recording, feed, '/mmseg')
    source._tell_names()
    with BagReader(recording) as reader:
        for item in reader.raw(list(source._parts)):
            feed.take(source._parts[item.topic], item.type_name, reader.deserialize(item))
    return feed


def test_all_of_a_recording_arrives(recording, scene, label_space):
    feed = play(recording, scene)
    assert not feed.faults
    assert sorted(scene.pictures) == ['depth', 'event', 'lidar', 'rgb']
    assert scene.label_space.classes == label_space.classes
    assert set(np.unique(scene.labels)) == {7, 9}
    np.testing.assert_array_equal(scene.cloud.colors[0], label_space.palette()[9])
    assert scene.health['lidar'].cause == 'LOST: silent for 2.0 s'
    assert [state for _, state in scene.states['lidar']] == ['OK', 'LOST']
    assert [state for _, state in scene.states['rgb']] == ['OK']
    assert scene.statuses['processing'] == (0, '42 ms latency (p95)')
    _, rate_hz, latency_ms = scene.history[-1]
    assert rate_hz == pytest.approx(10.0, abs=0.6)
    assert latency_ms == 40.5


def test_what_cannot_be_read_is_counted_and_changes_nothing(recording, scene):
    feed = play(recording, scene)
    before = scene.labels
    with BagReader(recording) as reader:
        message = next(iter(reader.messages(['/mmseg/labels'])))[2]
    message.step = 1
    feed.take('labels', 'sensor_msgs/msg/Image', message)
    feed.take('points', 'sensor_msgs/msg/PointCloud2', object())
    assert scene.labels is before
    assert sum(feed.faults.values()) == 2


def test_states_of_another_node_are_not_shown(recording, scene):
    feed = Feed(scene, '/front/mmseg')
    with BagReader(recording) as reader:
        for _, _, message in reader.messages(['/diagnostics']):
            feed.take('diagnostics', 'x', message)
    assert scene.health == {}


@pytest.mark.parametrize(('state', 'stays'), [('segmenting', True), ('no expression', False)])
def test_a_mask_ends_with_its_prompt_also_one_that_comes_late(recording, scene, state, stays):
    feed = play(recording, scene)
    with BagReader(recording) as reader:
        report = next(iter(reader.messages(['/diagnostics'])))[2]
    pair = type(report.status[1].values[0])
    report.status[0].name, report.status[0].values = 'mmseg: referring', [pair('state', state)]
    mask = builders.image_message(0, 'rgb', np.full((32, 48), 255, np.uint8), 'mono8')
    feed.take('mask', builders.IMAGE, mask)
    feed.take('diagnostics', 'x', report)
    assert not feed.faults
    assert (scene.mask is not None) == stays


def test_a_time_that_jumps_back_begins_the_timeline_again(scene):
    for time_s, state in ((100.0, 'OK'), (101.0, 'LOST'), (5.0, 'OK')):
        scene.report(time_s, {'rgb': Health(0, '', state, '')}, {'node': (0, '')}, 1.0)
    assert list(scene.states['rgb']) == [(5.0, 'OK')]
    assert len(scene.history) == 1


def test_what_was_before_the_clock_began_is_on_no_timeline(scene):
    for time_s, state in ((0.0, 'STALE'), (1.7e9, 'STALE'), (1.7e9 + 1, 'OK')):
        scene.report(time_s, {'rgb': Health(0, '', state, '')}, {'node': (0, 'x')}, 1.0)
    assert list(scene.states['rgb']) == [(1.7e9, 'STALE'), (1.7e9 + 1, 'OK')]


def test_the_timeline_shows_the_outage_where_it_was():
    field = timeline({'rgb': [(0.0, 'OK'), (30.0, 'LOST'), (45.0, 'OK')]}, 60.0, 60.0)
    row = field[13, 100:]
    kinds = ['LOST' if tuple(p) == STATE_COLORS['LOST'] else 'OK' for p in row]
    assert kinds.count('LOST') == pytest.approx(len(row) / 4, rel=0.1)
    assert kinds[len(row) * 5 // 8] == 'LOST'
    assert kinds[-1] == kinds[0] == 'OK'


def test_a_silent_sensor_is_seen_to_be_silent():
    bright = np.full((270, 480, 3), 240, np.uint8)
    shown = mosaic({'rgb': bright, 'lidar': bright}, silent=('lidar',))
    left, right = shown[60:180, 60:260], shown[60:180, 400:600]
    assert left.min() == 240
    assert right.mean() < 150


def test_pictures_are_thinned_for_the_page():
    assert scaled(np.zeros((1080, 1920, 3), np.uint8)).shape == (270, 480, 3)
    assert scaled(np.zeros((20, 30), np.uint8)).shape == (20, 30)
    small, large = np.zeros((9, 16, 3), np.uint8), np.zeros((1080, 1920, 3), np.uint8)
    assert mosaic({'a': small, 'b': None, 'c': large}).shape == (2 * 212, 2 * 324, 3)


def test_a_folder_of_an_evaluation_leads_to_its_bag(tmp_path, recording):
    (tmp_path / 'metrics.json').write_text('{}')
    assert bag_of(tmp_path) == recording
    assert bag_of(recording) == recording
    empty = tmp_path / 'empty'
    empty.mkdir()
    (empty / 'metrics.json').write_text('{}')
    with pytest.raises(BagError, match='--write-bag'):
        bag_of(empty)


def test_a_used_port_is_passed_over():
    with socket.create_server(('127.0.0.1', 0)) as used:
        port = used.getsockname()[1]
        assert port < free_port('127.0.0.1', port) <= port + 19
    with pytest.raises(ConfigError, match=r'--host no\.such\.host\.invalid'):
        free_port('no.such.host.invalid', 8000)


def test_without_viewer_the_line_for_pip_is_said(monkeypatch, capsys, recording):
    monkeypatch.setitem(sys.modules, 'viser', None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'mmseg_ros\[view\]'"):
        page_module.load_viewer()
    assert main(['view', str(recording)]) == 1
    assert 'pip install' in capsys.readouterr().err


def test_a_result_counts_once_however_often_it_is_told(scene):
    for stamp in range(40):
        scene.count_result(100 + stamp / 20)  # as it comes
        if stamp % 4 == 3:
            scene.count_result(100 + (stamp - 1) / 20)  # when it is decoded, perhaps later
    assert scene.rate_hz() == pytest.approx(20.0, abs=0.6)


def test_events_are_red_where_it_grew_brighter_and_blue_where_darker():
    x, y = np.array([0, 0, 639, 640], np.uint16), np.array([0, 0, 383, 5], np.uint16)
    polarity = np.array([True, True, False, True])
    stamps_ns = np.zeros(4, np.int64)
    events = EventData(x, y, stamps_ns, polarity, width=640, height=384)
    picture = payload_picture(events)
    assert picture.shape == (192, 320, 3)
    assert picture[0, 0, 0] > picture[0, 0, 2]
    assert picture[-1, -1, 0] < picture[-1, -1, 2]
    assert (picture.reshape(-1, 3).min(axis=1) == 255).sum() == 320 * 192 - 2


@pytest.mark.parametrize(('watched', 'pumps'), [(True, True), (False, False)])
def test_while_nobody_looks_nothing_is_decoded(watched, pumps):
    stop, done = threading.Event(), []
    page = SimpleNamespace(watched=lambda: watched, update=lambda: done.append('shown'))
    turns = iter(range(3))
    stop.wait = lambda seconds: stop.set() if next(turns) == 2 else None
    view._serve(page, lambda: done.append('decoded'), 0.1, stop)
    assert done == (['decoded', 'shown'] * 3 if pumps else [])
