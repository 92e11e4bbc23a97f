"""Another bundle while the sensors run: no label image lost, and the old one kept if it fails."""

import json
import os
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import String

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import BackendError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.priority import LOWEST
from mmseg_ros.inference.bundle import MANIFEST_FILE, seal_bundle
from mmseg_ros.messages import decode_image, stamp_ns
from mmseg_ros.ros import model_switch
from mmseg_ros.ros.made_up import made_up_frame

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')
LABELS, INFO, MASK = '/mmseg/labels', '/mmseg/label_info_json', '/mmseg/referring/mask'
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
LONG_S = 60.0


@pytest.fixture
def node(make_node, make_referring_bundle):
    return make_node(
        referring__bundle=str(make_referring_bundle().path), referring__backend='onnxruntime'
    )


@pytest.fixture
def other(make_bundle):
    """A bundle of two sensors whose labels mean something else."""
    bundle = make_bundle(modalities=('rgb', 'lidar'), name='other')
    manifest = replace(bundle.manifest, label_space=load_label_space('cityscapes'))
    return seal_bundle(bundle.path, manifest)


@pytest.fixture
def status(listener):
    listener.listen(DiagnosticArray, '/diagnostics')

    def newest(part='model'):
        for array in reversed(listener.messages['/diagnostics']):
            for item in array.status:
                if item.name == f'mmseg: {part}':
                    return item.level, item.message, {v.key: v.value for v in item.values}
        return b'', '', {}

    return newest


def niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def set_bundle(node, name, parameter='model.bundle'):
    return node.set_parameters([Parameter(parameter, value=str(name))])[0]


def parameter_of(node, name='model.bundle'):
    return node.get_parameter(name).value


def class_names(message):
    return [item['name'] for item in json.loads(message.data)['classes']]


def test_no_label_image_is_lost_and_the_names_come_with_the_first_new_one(
    node, other, sensors, listener
):
    arrived = []
    listener.node.create_subscription(
        Image, LABELS, lambda m: arrived.append(('labels', stamp_ns(m.header))), 50
    )
    listener.node.create_subscription(
        String, INFO, lambda m: arrived.append(('info', class_names(m))), LATCHED
    )
    sent = []

    def note(topic, message):
        if topic == 'rgb/image_raw':
            sent.append(stamp_ns(message.header))
        return message

    def count():
        return sum(kind == 'labels' for kind, _ in arrived)

    assert sensors.play_until(ALL, lambda: count() >= 5, LONG_S, note)
    session, before = node.session, node.session.bundle
    old = session.backend
    assert set_bundle(node, other.path).successful
    assert session.bundle is before, 'the answer must not wait for the network'
    assert sensors.play_until(ALL, lambda: session.bundle.path == other.path, LONG_S, note)
    swapped = count()
    assert sensors.play_until(ALL, lambda: count() >= swapped + 5, LONG_S, note)

    stamps = [stamp for kind, stamp in arrived if kind == 'labels']
    assert len(set(stamps)) == len(stamps)
    expected = [stamp for stamp in sent if stamps[0] <= stamp <= stamps[-1]]
    lost = set(expected) - set(stamps)
    assert len(lost) <= node.stream.worker.slot.dropped
    assert not session.statistics.failures
    infos = [value for kind, value in arrived if kind == 'info']
    assert infos == [[c.name for c in b.manifest.label_space.classes] for b in (before, other)]
    assert session.backend is not old


def test_the_old_network_is_freed_and_frames_at_hand_are_finished_by_it(
    node, other, sensors, listener, monkeypatch
):
    listener.listen(Image, LABELS)
    assert sensors.play_until(ALL, lambda: len(listener.messages[LABELS]) >= 3, LONG_S)
    old = node.session.backend
    closed = []
    close = old.close
    monkeypatch.setattr(old, 'close', lambda: (closed.append(True), close()))
    frame_set, _ = made_up_frame(ALL, {})
    ready = node.session.prepare(frame_set, lambda modality, reason: pytest.fail(reason))
    assert set_bundle(node, other.path).successful
    assert sensors.play_until(ALL, lambda: node.session.bundle.path == other.path, LONG_S)
    assert not closed, 'a frame still needs it'
    published = node.session.statistics.published
    node.session.finish(ready)
    assert not node.session.statistics.failures
    assert node.session.statistics.published > published
    assert sensors.play_until(ALL, lambda: closed, LONG_S)


def damage(path):
    (path / 'model.onnx').write_bytes(b'\0' * (path / 'model.onnx').stat().st_size)


def truncate(path):
    (path / MANIFEST_FILE).write_text('{"schema_version":')


@pytest.mark.parametrize(
    ('runtime', 'running', 'gives_way'),
    [
        ('openvino', 'openvino', True),
        ('onnxruntime', 'onnxruntime', False),  # its threads would keep the low priority
        ('openvino', 'onnxruntime', False),
    ],
)
def test_loading_gives_way_to_frames_where_the_network_does_not_keep_it(
    monkeypatch, runtime, running, gives_way
):
    found = []
    monkeypatch.setattr(
        model_switch, 'plan', lambda config: SimpleNamespace(backend=SimpleNamespace(name=runtime))
    )
    monkeypatch.setattr(model_switch, 'load', lambda *_: found.append(niceness()))
    node = SimpleNamespace(config=NodeConfig(), stopping=False)
    session = SimpleNamespace(backend=SimpleNamespace(name=running), is_loading=False)
    slot = model_switch._ModelSlot(node, session)
    thread = threading.Thread(target=lambda: slot.load('other'))
    thread.start()
    thread.join()
    assert found == [max(niceness(), LOWEST) if gives_way else niceness()]
    assert not session.is_loading


@pytest.mark.parametrize(
    ('harm', 'at_once', 'reason'),
    [(damage, False, 'changed or damaged'), (truncate, True, 'manifest.json')],
)
def test_a_damaged_bundle_is_rejected_and_the_old_one_goes_on(
    harm, at_once, reason, node, other, sensors, listener, status
):
    listener.listen(Image, LABELS)
    before, name = node.session.bundle, parameter_of(node)
    harm(other.path)
    result = set_bundle(node, other.path)
    assert result.successful is not at_once
    if at_once:
        assert reason in result.reason
    else:
        assert sensors.play_until(ALL, lambda: reason in status()[1], LONG_S)
        assert status()[0] == b'\x01'
        assert reason in status()[2]['model.bundle rejected']
    assert (node.session.bundle, parameter_of(node)) == (before, name)
    count = len(listener.messages[LABELS])
    assert sensors.play_until(ALL, lambda: len(listener.messages[LABELS]) > count + 2, LONG_S)


@pytest.mark.parametrize(
    ('modalities', 'words'),
    [(('thermal',), ('takes thermal', 'rgb, depth, event, lidar')), (None, ('No model bundle',))],
)
def test_one_that_does_not_fit_is_rejected_in_the_answer(node, make_bundle, modalities, words):
    name = '/no/such' if modalities is None else make_bundle(modalities, name='hot').path
    before = parameter_of(node)
    result = set_bundle(node, name)
    assert not result.successful
    for word in words:
        assert word in result.reason
    assert parameter_of(node) == before


def call(graph, listener, sensors, value, kind='model.bundle'):
    client = listener.node.create_client(SetParameters, '/mmseg/load_model')
    assert graph.spin_until(client.service_is_ready)
    request = SetParameters.Request(parameters=[Parameter(kind, value=value).to_parameter_msg()])
    future = client.call_async(request)
    assert sensors.play_until(ALL, future.done, LONG_S)
    return future.result().results[0]


def test_the_service_answers_when_it_is_in_use_or_why_not(node, other, graph, listener, sensors):
    listener.listen(Image, LABELS)
    result = call(graph, listener, sensors, str(other.path))
    assert result.successful, result.reason
    assert node.session.bundle.path == other.path
    switched = node.switch.status()[2]['model.bundle switches']
    assert call(graph, listener, sensors, str(other.path)).successful
    assert node.switch.status()[2]['model.bundle switches'] == switched + 1  # loaded again
    damage(other.path)
    result = call(graph, listener, sensors, str(other.path))
    assert not result.successful
    assert 'changed or damaged' in result.reason
    result = call(graph, listener, sensors, 3.5, 'sync.deadline_s')
    assert not result.successful
    assert 'model.bundle' in result.reason


def test_a_network_that_the_runtime_rejects_is_not_taken(
    node, other, graph, listener, sensors, monkeypatch
):
    def fail(*_):
        raise BackendError('out of memory')

    monkeypatch.setattr(model_switch, 'load', fail)
    result = call(graph, listener, sensors, str(other.path))
    assert (result.successful, result.reason) == (False, 'out of memory')
    assert parameter_of(node) == str(node.session.bundle.path)


def test_the_later_of_two_changes_counts(node, make_bundle, graph, sensors):
    first, second = (make_bundle(('rgb',), name=name).path for name in ('first', 'second'))
    assert set_bundle(node, first).successful
    assert set_bundle(node, second).successful
    assert sensors.play_until(ALL, lambda: node.session.bundle.path == second, LONG_S)
    assert parameter_of(node) == str(second)
    assert graph.spin_until(lambda: not node.switch.status()[2].get('model.bundle loading'))


def test_deconfiguring_while_it_loads_takes_neither(node, other, graph, sensors):
    assert set_bundle(node, other.path).successful
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node.session is None
    graph.spin_until(lambda: False, 0.5)
    assert node.trigger_configure().name == 'SUCCESS'
    assert node.session.bundle.path == other.path


def test_a_text_prompt_goes_on_with_another_bundle(
    node, make_referring_bundle, graph, listener, sensors
):
    other = make_referring_bundle(name='others', height=48)
    listener.listen(Image, MASK)
    publisher = listener.node.create_publisher(String, '/mmseg/referring/expression', 10)
    assert graph.spin_until(publisher.get_subscription_count)
    publisher.publish(String(data='the red car'))
    masks = listener.messages[MASK]
    assert sensors.play_until(ALL, lambda: len(masks) >= 2, LONG_S)
    result = call(graph, listener, sensors, str(other.path), 'referring.bundle')
    assert result.successful, result.reason
    referring = node.session.referring
    assert sensors.play_until(ALL, lambda: referring.segmenter.bundle.path == other.path, LONG_S)
    count = len(masks)
    assert sensors.play_until(ALL, lambda: len(masks) > count + 2, LONG_S)
    assert decode_image(masks[-1]).pixels.shape == (sensors.HEIGHT, sensors.WIDTH)
    damage_text(other.path)
    result = call(graph, listener, sensors, str(other.path), 'referring.bundle')
    assert not result.successful
    assert referring.sentences == ('the red car',)


def damage_text(path):
    file = path / 'segmenter.onnx'
    file.write_bytes(b'\0' * file.stat().st_size)


def test_without_a_prompt_the_other_bundle_waits_for_the_first(
    node, make_referring_bundle, graph, listener, sensors
):
    other = make_referring_bundle(name='others')
    result = call(graph, listener, sensors, str(other.path), 'referring.bundle')
    assert result.successful, result.reason
    assert node.session.referring.segmenter is None
    listener.listen(Image, MASK)
    publisher = listener.node.create_publisher(String, '/mmseg/referring/expression', 10)
    assert graph.spin_until(publisher.get_subscription_count)
    publisher.publish(String(data='the red car'))
    assert sensors.play_until(ALL, lambda: listener.messages[MASK], LONG_S)
    assert node.session.referring.segmenter.bundle.path == other.path
