"""An executor that keeps its wait set, and serves inputs that are taken together only once.

rclpy's single-threaded executor builds a wait set anew for every round, wakes itself for one more
round after every callback, and runs a task for each subscription that had a message even if the
callback before has taken them all. The private names of rclpy (7.1, ROS 2 Jazzy) that this relies
on are checked by `is_possible`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rclpy.context import Context
from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    ShutdownException,
    SingleThreadedExecutor,
)
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.task import Task

from mmseg_ros.ros.kept_wait_set import Entities, KeptWaitSet

_PRIVATE = ('_tasks', '_tasks_lock', '_work_tracker', '_guard', '_sigint_gc', '_is_shutdown')
_TAKES = ('_take_timer', '_take_subscription', '_take_client', '_take_service', '_take_waitable')

Work = tuple[Task, Any, Node]


class BatchExecutor(SingleThreadedExecutor):  # type: ignore[misc]
    """Runs callbacks in the thread that spins, as rclpy's single-threaded executor does.

    A subscription whose callback has an attribute `batch` is served once per round for all that
    have an equal one: that callback takes what waits on each of them.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._tasks: list[Any] = []
        self._kept = KeptWaitSet(self._context)

    @staticmethod
    def is_possible(context: Context | None = None) -> bool:
        """Return whether this rclpy has what the class relies on."""
        executor = SingleThreadedExecutor(context=context)
        try:
            return (
                all(hasattr(executor, name) for name in (*_PRIVATE, *_TAKES))
                and hasattr(rclpy_implementation, 'WaitSet')
                and _parameters(SingleThreadedExecutor, '_make_handler')
                == ['self', 'entity', 'node', 'take_from_wait_list']
                and _parameters(SingleThreadedExecutor, '_wait_for_ready_callbacks')
                == ['self', 'timeout_sec', 'nodes', 'condition']
            )
        finally:
            executor.shutdown()

    def release(self) -> None:
        """Let go of the entities that were waited for; call it when nobody spins any more."""
        self._kept.release()

    def _wait_for_ready_callbacks(
        self,
        timeout_sec: Any = None,
        nodes: list[Node] | None = None,
        condition: Callable[[], bool] = lambda: False,
    ) -> Iterator[Work]:
        """Yield the tasks of one round that has any."""
        if timeout_sec is not None or nodes is not None:
            yield from super()._wait_for_ready_callbacks(timeout_sec, nodes, condition)
            return
        works = False
        while not works:
            if self._is_shutdown:
                raise ShutdownException
            if condition():
                raise ConditionReachedException
            for work in self._round():
                works = True
                yield work

    def _round(self) -> Iterator[Work]:
        """Resume what is under way, wait, and yield what is ready."""
        with self._tasks_lock:
            self._tasks = [t for t in self._tasks if not (t[0].done() or t[0].cancelled())]
            resumed = [t for t in reversed(self._tasks) if not t[0].executing()]
        yield from resumed
        found = self._found()
        self._kept.keep(found)
        self._wait(found)
        yield from self._ready(found)

    def _found(self) -> Entities:
        """Return what may be waited for now."""
        found = Entities([], [], [], [], [(self._guard, None), (self._sigint_gc, None)], [])
        for node in self.get_nodes():
            for name, kind in zip(Entities._fields, found, strict=True):
                entities: Iterable[Any] = getattr(node, name)
                kind += [(entity, node) for entity in entities if self.can_execute(entity)]
        return found

    def _wait(self, found: Entities) -> None:
        for guard, _ in found.guards_of_nodes:
            if guard._executor_triggered:  # and not served, for its group was busy
                guard.trigger()
        self._kept.wait()
        if self._is_shutdown:
            self.release()
            raise ShutdownException
        if not self._context.ok():
            self.release()
            raise ExternalShutdownException

    def _ready(self, found: Entities) -> Iterator[Work]:
        """Yield a task for each entity that is ready, in the order of rclpy."""
        ready = self._kept.ready()
        for guard, _ in found.guards_of_nodes:
            guard._executor_triggered |= guard.handle.pointer in ready['guard_condition']
        for waitable, node in self._kept.ready_waitables():
            yield self._work(waitable, node, self._take_waitable)
        for timer, node in found.timers:
            if timer.handle.pointer in ready['timer'] and timer.handle.is_timer_ready():
                yield self._work(timer, node, self._take_timer)
        yield from self._ready_subscriptions(found, ready['subscription'])
        for guard, node in found.guards_of_nodes:
            if guard._executor_triggered:
                yield self._work(guard, node, self._take_guard_condition)
        for client, node in found.clients:
            if client.handle.pointer in ready['client']:
                yield self._work(client, node, self._take_client)
        for service, node in found.services:
            if service.handle.pointer in ready['service']:
                yield self._work(service, node, self._take_service)

    def _ready_subscriptions(self, found: Entities, ready: set[int]) -> Iterator[Work]:
        served: list[Any] = []
        for subscription, node in found.subscriptions:
            if subscription.handle.pointer not in ready:
                continue
            batch = getattr(subscription.callback, 'batch', None)
            if batch is not None:
                if batch in served:
                    continue
                served.append(batch)
            yield self._work(subscription, node, self._take_subscription)

    def _work(self, entity: Any, node: Node | None, take: Callable[[Any], Any]) -> Work:
        return self._make_handler(entity, node, take), entity, node

    def _make_handler(
        self, entity: Any, node: Node | None, take_from_wait_list: Callable[[Any], Any]
    ) -> Task:
        """Return the task that takes what an entity has and calls its callback."""
        entity._executor_event = True

        async def handle() -> None:
            group = entity.callback_group
            begins = not self._is_shutdown and group.beginning_execution(entity)
            entity._executor_event = False
            if not begins:
                return
            try:
                with self._work_tracker:
                    taken = take_from_wait_list(entity)
                    if taken is not None:
                        await taken()
            finally:
                group.ending_execution(entity)

        task = Task(handle, executor=self)
        with self._tasks_lock:
            self._tasks.append((task, entity, node))
        return task


def _parameters(owner: type, name: str) -> list[str]:
    return list(inspect.signature(getattr(owner, name)).parameters)
