"""Transitions, asked for by services as a lifecycle manager does."""

import json

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

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


def test_invalid_transitions_are_refused_and_the_node_lives(make_node, change, state):
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
def test_damaged_bundle_is_refused_and_the_field_named(
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


def test_refused_configure_is_shown_in_diagnostics(graph, listener, make_node):
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
    from mmseg_ros.ros import session

    def explode(*_):
        raise RuntimeError('boom')

    node = make_node(autostart=False)
    with monkeypatch.context() as patch:
        patch.setattr(session, 'load_bundle', explode)
        assert not change(Transition.TRANSITION_CONFIGURE)
    assert state() == 'unconfigured'
    assert 'boom' in node.failure
    assert change(Transition.TRANSITION_CONFIGURE)
    assert node.failure == ''


def test_many_activations_leave_no_threads_and_no_subscriptions(make_node, graph):
    import threading

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
