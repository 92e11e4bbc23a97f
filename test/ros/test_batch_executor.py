"""The node's executor serves everything rclpy's own does, and inputs of one batch once."""

import threading
import time

import pytest

pytestmark = pytest.mark.ros
LIMIT_S = 20.0


@pytest.fixture
def context():
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


@pytest.fixture
def executor(context):
    from mmseg_ros.ros.batch_executor import BatchExecutor

    executor = BatchExecutor(context=context)
    yield executor
    executor.release()
    executor.shutdown()


@pytest.fixture
def node(context, executor):
    from rclpy.node import Node

    node = Node('served', context=context)
    executor.add_node(node)
    yield node
    executor.release()
    node.destroy_node()


@pytest.fixture
def spin(executor):
    """Return what spins without a limit, as the node's process does, until a condition holds."""
    from mmseg_ros.ros.executor import StopFuture

    def run(done, started=lambda: None):
        stop = StopFuture()
        end_s = time.monotonic() + LIMIT_S

        def watch():
            while not done() and time.monotonic() < end_s:
                time.sleep(0.005)
            stop.set_result(None)

        started()
        watching = threading.Thread(target=watch)
        watching.start()
        executor.spin_until_future_complete(stop)
        watching.join()
        return done()

    return run


class Draining:
    """A callback that takes what waits on every subscription of its batch."""

    def __init__(self, subscriptions, taken, batch, until=0):
        self.batch = batch
        self._until = until
        self.calls = 0
        self._subscriptions = subscriptions
        self._taken = taken

    def __call__(self, message):
        self.calls += 1
        self._taken.append(message.data)
        end_s = time.monotonic() + LIMIT_S
        self._take()
        while len(self._taken) < self._until and time.monotonic() < end_s:
            time.sleep(0.01)
            self._take()

    def _take(self):
        for subscription in self._subscriptions:
            with subscription.handle:
                while taken := subscription.handle.take_message(subscription.msg_type, False):
                    self._taken.append(taken[0].data)


def publishers_of(node, topics):
    from std_msgs.msg import Int32

    made = [node.create_publisher(Int32, topic, 10) for topic in topics]
    end_s = time.monotonic() + LIMIT_S
    while not all(publisher.get_subscription_count() for publisher in made):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return made


def test_a_batch_is_served_once_per_round_and_no_message_is_lost(node, executor, spin):
    from std_msgs.msg import Int32

    subscriptions, taken, callbacks = [], [], []
    topics = [f'batch_{i}' for i in range(4)]
    for topic in topics:
        callbacks.append(Draining(subscriptions, taken, batch='all', until=20))
        subscriptions.append(node.create_subscription(Int32, topic, callbacks[-1], 10))
    alone, tried, take = [], [], executor._take_subscription
    executor._take_subscription = lambda one: tried.append(one) or take(one)
    node.create_subscription(Int32, 'batch_0', lambda message: alone.append(message.data), 10)
    publishers = publishers_of(node, topics)
    sent = []
    for count in range(20):
        publishers[count % 4].publish(Int32(data=count))
        sent.append(count)
    assert spin(lambda: len(taken) == 20 and len(alone) == 5)
    assert sorted(taken) == sent
    assert alone == sent[::4]
    assert sum(callback.calls for callback in callbacks) == 1
    assert sum(one in subscriptions for one in tried) == 1


def test_what_comes_while_it_waits_is_served(node, spin):
    from std_msgs.msg import Int32

    taken = []
    node.create_subscription(Int32, 'later', Draining([], taken, 'later'), 10)
    (publisher,) = publishers_of(node, ['later'])

    def publish():
        for count in range(30):
            time.sleep(0.005)
            publisher.publish(Int32(data=count))

    assert spin(lambda: len(taken) == 30, threading.Thread(target=publish).start)
    assert taken == list(range(30))


def test_timers_tasks_and_entities_made_on_the_way_are_served(node, executor, spin):
    from std_msgs.msg import Int32

    ticks, ran, taken = [], [], []

    def tick():
        ticks.append(1)
        if len(ticks) == 3:
            node.create_subscription(Int32, 'made', lambda message: taken.append(message), 10)
            node.create_timer(0.01, lambda: publisher.publish(Int32()))
            node.destroy_timer(timer)

    publisher = node.create_publisher(Int32, 'made', 10)
    timer = node.create_timer(0.01, tick)
    later = threading.Timer(0.2, lambda: executor.create_task(lambda: ran.append(1)))
    assert spin(lambda: taken and ran, later.start)
    assert len(ticks) == 3


def test_a_service_that_awaits_does_not_hold_up_the_rest(node, executor, spin):
    from lifecycle_msgs.srv import ChangeState
    from rclpy.callback_groups import ReentrantCallbackGroup

    from mmseg_ros.ros.background_work import BackgroundWork

    free, ticks = threading.Event(), []

    async def serve(request, response):
        response.success = await BackgroundWork('waits', lambda: free.wait(LIMIT_S), executor.wake)
        return response

    def tick():
        ticks.append(1)
        if len(ticks) == 20:
            free.set()

    node.create_service(ChangeState, 'waits', serve, callback_group=ReentrantCallbackGroup())
    client = node.create_client(ChangeState, 'waits')
    assert client.wait_for_service(LIMIT_S)
    node.create_timer(0.01, tick)
    answer = client.call_async(ChangeState.Request())
    assert spin(answer.done)
    assert answer.result().success
    assert len(ticks) >= 20


def test_what_a_callback_raises_comes_out_and_the_rest_goes_on(node, executor, spin):
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) == 1:
            raise ValueError('one tick')

    node.create_timer(0.01, tick)
    with pytest.raises(ValueError, match='one tick'):
        spin(lambda: len(ticks) > 3)
    assert spin(lambda: len(ticks) > 3)


def test_entities_can_be_destroyed_once_it_has_let_go(node, executor, spin):
    from std_msgs.msg import Int32

    ticks = []
    node.create_timer(0.01, lambda: ticks.append(1))
    subscription = node.create_subscription(Int32, 'destroyed', lambda message: None, 10)
    assert spin(lambda: ticks)
    node.destroy_subscription(subscription)
    executor.release()
    assert node.count_subscribers('destroyed') == 0


def test_shutdown_from_another_thread_ends_the_spinning(context, node, executor):
    from rclpy.executors import ExternalShutdownException
    from rclpy.task import Future

    threading.Timer(0.2, context.try_shutdown).start()
    with pytest.raises(ExternalShutdownException):
        executor.spin_until_future_complete(Future())


@pytest.mark.parametrize('missing', [True, False])
def test_an_rclpy_without_its_private_parts_gets_the_plain_executor(context, monkeypatch, missing):
    from mmseg_ros.ros import batch_executor
    from mmseg_ros.ros.executor import make_executor

    if missing:
        monkeypatch.setattr(batch_executor, '_TAKES', ('_take_nothing_of_this_name',))
    executor = make_executor(context)
    executor.shutdown()
    assert type(executor).__name__ == ('SingleThreadedExecutor' if missing else 'BatchExecutor')
