"""A wait set of rclpy that is built anew only for other entities."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, NamedTuple

from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

_FOREVER_NS = -1
_OWN_GUARDS = 2
_KINDS = ('subscription', 'guard_condition', 'timer', 'client', 'service')


class Entities(NamedTuple):
    """What a round waits for, each with its node; the first two guards are the executor's."""

    subscriptions: list[tuple[Any, Node]]
    timers: list[tuple[Any, Node]]
    clients: list[tuple[Any, Node]]
    services: list[tuple[Any, Node]]
    guards: list[tuple[Any, Node | None]]
    waitables: list[tuple[Any, Node]]

    @property
    def guards_of_nodes(self) -> list[tuple[Any, Node | None]]:
        """Return the guard conditions without those of the executor."""
        return self.guards[_OWN_GUARDS:]


class KeptWaitSet:
    """Waits for entities, and holds their handles meanwhile.

    Args:
        context: Of the entities.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entities: Entities | None = None
        self._wait_set: Any = None
        self._held = ExitStack()

    def keep(self, found: Entities) -> None:
        """Hold these entities, and no others; those that are destroyed leave `found`."""
        if found == self._entities:
            return
        self.release()
        for kind in found[:-1]:
            for entity, node in list(kind):
                try:
                    self._held.enter_context(entity.handle)
                except InvalidHandle:  # destroyed since
                    kind.remove((entity, node))
        for waitable, _ in found.waitables:
            self._held.enter_context(waitable)
        self._held.enter_context(self._context.handle)
        counts = [waitable.get_num_entities() for waitable, _ in found.waitables]
        self._wait_set = rclpy_implementation.WaitSet(
            len(found.subscriptions) + sum(count.num_subscriptions for count in counts),
            len(found.guards) + sum(count.num_guard_conditions for count in counts),
            len(found.timers) + sum(count.num_timers for count in counts),
            len(found.clients) + sum(count.num_clients for count in counts),
            len(found.services) + sum(count.num_services for count in counts),
            sum(count.num_events for count in counts),
            self._context.handle,
        )
        self._entities = found

    def wait(self) -> None:
        """Wait until one of the kept entities is ready."""
        wait_set, kept = self._wait_set, self._kept
        wait_set.clear_entities()
        adders = (
            wait_set.add_subscription,
            wait_set.add_timer,
            wait_set.add_client,
            wait_set.add_service,
            wait_set.add_guard_condition,
        )
        for add, kind in zip(adders, kept, strict=False):
            for entity, _ in kind:
                add(entity.handle)
        for waitable, _ in kept.waitables:
            waitable.add_to_wait_set(wait_set)
        wait_set.wait(_FOREVER_NS)

    def ready(self) -> dict[str, set[int]]:
        """Return per kind the pointers of what is ready."""
        return {kind: set(self._wait_set.get_ready_entities(kind)) for kind in _KINDS}

    def ready_waitables(self) -> list[tuple[Any, Node]]:
        """Return the waitables that are ready, with their nodes."""
        return [item for item in self._kept.waitables if item[0].is_ready(self._wait_set)]

    def release(self) -> None:
        """Let go of all entities."""
        self._entities = self._wait_set = None
        self._held.close()

    @property
    def _kept(self) -> Entities:
        if self._entities is None:
            raise RuntimeError('Call `keep` before waiting.')
        return self._entities
