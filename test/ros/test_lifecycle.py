"""Transitions, asked for by services as a lifecycle manager does."""

import gc
import json
import threading
import weakref

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

from mmseg_ros.core.errors import ConfigError

pytestmark = pytest.mark.ros


@pytest.fixture
def change(graph, listener):
    client = listener.node.create_client(ChangeState, '/mmseg/change_state')

    def ask(transition_id: int = 0, label: str = '') -> bool:
        transition = Transition(id=transition_id, label=label)
        return graph.call(client, ChangeState.Request(transition=transition)).success

    return ask


@pytest.fixture
def state(graph, listener):
    client = listener.node.create_client(GetState, '/mmseg/get_state')
    return lambda: graph.call(client, GetState.Request()).current_state.label


def test_whole_life_twice(make_node, change, state):
    node = make_node(autostart=False)
    assert state() == 'unconfigured'
    for _ in range(2):
        assert change(Transition.TRANSITION_CONFIGURE)
        assert state() == 'inactive'
        assert node.session is not None
        assert change(Transition.TRANSITION_ACTIVATE)
        assert state() == 'active'
        assert change(Transition.TRANSITION_DEACTIVATE)
        assert state() == 'inactive'
        assert node.stream is None
        assert change(Transition.TRANSITION_CLEANUP)
        assert state() == 'unconfigured'
        assert node.session is None
    assert change(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert state() == 'finalized'


def test_invalid_transitions_are_rejected_and_the_node_lives(make_node, change, state):
    make_node(autostart=False)
    assert not change(Transition.TRANSITION_ACTIVATE)
    assert not change(Transition.TRANSITION_CLEANUP)
    assert not change(label='fly')
    assert not change(99)
    assert state() == 'unconfigured'
    assert change(label='configure')
    assert not change(Transition.TRANSITION_CONFIGURE)
    assert state() == 'inactive'


def test_autostart_activates_by_itself(graph, make_node):
    node = make_node()
    assert graph.spin_until(lambda: node.state_label == 'active')


def test_shutdown_from_active_releases_everything(graph, make_node, change, state):
    node = make_node()
    assert graph.spin_until(lambda: node.state_label == 'active')
    assert change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert state() == 'finalized'
    assert node.stream is None
    assert node.session is None


@pytest.mark.parametrize('damage', ['modalities', 'model.onnx', 'label_space'])
def test_damaged_bundle_is_rejected_and_the_field_named(
    make_node, make_bundle, change, state, damage
):
    bundle = make_bundle()
    manifest = bundle.path / 'manifest.json'
    content = json.loads(manifest.read_text())
    if damage == 'model.onnx':
        (bundle.path / damage).write_bytes(b'no network')
    elif damage == 'label_space':
        content['label_space']['classes'][0]['name'] = 'another'
    else:
        del content[damage]
    manifest.write_text(json.dumps(content))
    node = make_node(bundle=str(bundle.path), autostart=False)
    assert not change(Transition.TRANSITION_CONFIGURE)
    assert state() == 'unconfigured'
    assert damage in node.failure


def test_rejected_configure_is_shown_in_diagnostics(graph, listener, make_node):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

    make_node(bundle='no_such_bundle', expect='')
    listener.listen(DiagnosticArray, '/diagnostics')

    def failure():
        arrays = listener.messages['/diagnostics']
        status = [s for array in arrays for s in array.status if s.name == 'mmseg: node']
        return next((s for s in status if s.level == DiagnosticStatus.ERROR), None)

    status = graph.spin_until(failure)
    assert 'no_such_bundle' in status.message


def test_unexpected_exception_leads_back_to_unconfigured(
    graph, make_node, change, state, monkeypatch
):
    from mmseg_ros.ros import loading

    def explode(*_):
        raise RuntimeError('boom')

    node = make_node(autostart=False)
    with monkeypatch.context() as patch:
        patch.setattr(loading, 'load_bundle', explode)
        assert not change(Transition.TRANSITION_CONFIGURE)
    assert state() == 'unconfigured'
    assert 'boom' in node.failure
    assert change(Transition.TRANSITION_CONFIGURE)
    assert node.failure == ''


def test_many_activations_leave_no_threads_and_no_subscriptions(make_node, graph):
    node = make_node(autostart=False)
    node.trigger_configure()
    entities = None
    for _ in range(20):
        node.trigger_activate()
        graph.executor.spin_once(timeout_sec=0)
        node.trigger_deactivate()
        graph.executor.spin_once(timeout_sec=0)
        now = (
            threading.active_count(),
            len(list(node.subscriptions)),
            len(list(node.timers)),
            len(list(node.publishers)),
        )
        entities = entities or now
        assert now == entities


@pytest.fixture
def held_load(monkeypatch):
    """Loading waits until the event is set."""
    from mmseg_ros.ros import loading

    event, load_bundle = threading.Event(), loading.load_bundle

    def wait(path):
        assert event.wait(30)
        return load_bundle(path)

    monkeypatch.setattr(loading, 'load_bundle', wait)
    yield event
    event.set()


def test_everything_else_is_served_while_the_network_loads(
    graph, listener, make_node, state, change, held_load
):
    from diagnostic_msgs.msg import DiagnosticArray
    from rcl_interfaces.srv import GetParameters

    make_node(autostart=False)
    client = listener.node.create_client(ChangeState, '/mmseg/change_state')
    parameters = listener.node.create_client(GetParameters, '/mmseg/get_parameters')
    listener.listen(DiagnosticArray, '/diagnostics')
    assert graph.spin_until(client.service_is_ready)
    transition = Transition(id=Transition.TRANSITION_CONFIGURE)
    answer = client.call_async(ChangeState.Request(transition=transition))
    assert graph.spin_until(lambda: state() == 'configuring')
    assert not change(Transition.TRANSITION_CONFIGURE)
    assert graph.call(parameters, GetParameters.Request(names=['autostart'])).values
    shown = {
        value.value
        for array in listener.wait('/diagnostics', 2)
        for status in array.status
        for value in status.values
        if value.key == 'state'
    }
    assert shown == {'configuring'}
    assert not answer.done()
    held_load.set()
    assert graph.spin_until(answer.done)
    assert answer.result().success
    assert state() == 'inactive'


def test_autostart_does_not_block_either(graph, make_node, state, held_load):
    node = make_node(expect='')
    assert graph.spin_until(lambda: state() == 'configuring')
    held_load.set()
    assert graph.spin_until(lambda: node.state_label == 'active')


@pytest.mark.parametrize(
    ('wrong', 'named'),
    [
        ({'calibration__file': '/nowhere/rig.yaml'}, '/nowhere/rig.yaml'),
        ({'calibration__file': 'no_such_rig'}, 'no_such_rig'),
        ({'bundle': '/nowhere/bundle'}, '/nowhere/bundle'),
        ({'model__backend': 'openvino'}, 'openvino'),
        ({'bundle': 'of thermal'}, 'sensor_names'),
    ],
)
def test_what_is_cheap_to_check_is_checked_before_the_network_is_loaded(
    make_node, make_bundle, change, state, monkeypatch, wrong, named
):
    from mmseg_ros.ros import node as node_module

    loads = []
    monkeypatch.setattr(node_module, 'load', lambda *_: loads.append(1))
    monkeypatch.setattr('mmseg_ros.inference.backend._installed', lambda name: name != 'openvino')
    if wrong == {'bundle': 'of thermal'}:
        wrong = {'bundle': str(make_bundle(modalities=('thermal',)).path)}
    node = make_node(autostart=False, **wrong)
    assert not change(Transition.TRANSITION_CONFIGURE)
    assert node.failure.startswith('configure rejected: ')
    assert named in node.failure
    assert state() == 'unconfigured'
    assert loads == []


def test_a_node_without_any_sensor_does_not_start(make_node):
    disabled = {f'sensors__{name}__enabled': False for name in ('rgb', 'depth', 'event', 'lidar')}

    with pytest.raises(ConfigError, match='All sensors are disabled'):
        make_node(autostart=False, **disabled)


@pytest.mark.parametrize('stage', ['network', 'publishers'])
def test_rejected_configure_frees_what_it_had_made(graph, make_node, monkeypatch, stage):
    from mmseg_ros.core.errors import MmsegError
    from mmseg_ros.inference.routed_backend import RoutedBackend
    from mmseg_ros.ros import outputs, warm_up

    backends = []
    load = RoutedBackend.load

    def noted(self, bundle):
        backends.append(weakref.ref(self))
        load(self, bundle)

    def reject(*_, **__):
        raise MmsegError('not like this')

    monkeypatch.setattr(RoutedBackend, 'load', noted)
    if stage == 'network':
        monkeypatch.setattr(warm_up, 'Frame', reject)
    else:
        monkeypatch.setattr(outputs, 'LabelInfoPublisher', reject)
    node = make_node(autostart=False)
    publishers = len(list(node.publishers))
    for attempt in range(4):
        assert node.trigger_configure().name == 'FAILURE'
        assert 'not like this' in node.failure
        if attempt == 0:  # the pipeline's own pool stays for the life of the process
            threads = threading.active_count()
    gc.collect()
    assert len(backends) == 4
    assert [backend() for backend in backends] == [None] * 4
    assert len(list(node.publishers)) == publishers
    assert threading.active_count() == threads
    assert node.state_label == 'unconfigured'


def test_rejected_activate_leaves_nothing_and_stays_inactive(make_node, monkeypatch):
    from mmseg_ros.core.errors import MmsegError
    from mmseg_ros.ros import stream

    def reject(*_, **__):
        raise MmsegError('no odometry today')

    node = make_node(autostart=False)
    node.trigger_configure()
    before = [len(list(x)) for x in (node.subscriptions, node.timers, node.publishers)]
    threads = threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(stream, 'OdometryInput', reject)
        assert node.trigger_activate().name == 'FAILURE'
    assert node.state_label == 'inactive'
    assert node.stream is None
    assert [len(list(x)) for x in (node.subscriptions, node.timers, node.publishers)] == before
    assert threading.active_count() == threads
    assert node.trigger_activate().name == 'SUCCESS'


def test_cleanup_frees_the_network_and_gives_memory_back(make_node, monkeypatch):
    from mmseg_ros.ros import node as node_module

    returned = []
    monkeypatch.setattr(node_module, 'return_free_memory', lambda: returned.append(gc.collect()))
    node = make_node(autostart=False)
    counts = []
    for _ in range(4):
        assert node.trigger_configure().name == 'SUCCESS'
        assert node.trigger_activate().name == 'SUCCESS'
        parts = [weakref.ref(node.session), weakref.ref(node.session.backend)]
        assert node.trigger_deactivate().name == 'SUCCESS'
        assert node.trigger_cleanup().name == 'SUCCESS'
        assert [part() for part in parts] == [None, None]
        counts.append((threading.active_count(), len(list(node.publishers))))
    assert counts[1:] == counts[:1] * 3
    assert len(returned) == 4
