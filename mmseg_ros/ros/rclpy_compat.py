"""Everything of rclpy that is used without being public: what to check when rclpy changes.

Written for rclpy 7.1 (ROS 2 Jazzy). `raw_transforms.py` keeps what it needs of generated messages,
`batch_executor.py` what it needs of the executor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleNodeMixin
from rclpy.node import Node

RCLError: type[Exception] = rclpy_implementation.RCLError
"""A fault of one entity of rcl, such as a request that its state does not allow."""


def given_parameters(node: Node) -> Mapping[str, Any]:
    """Return the parameters that the node was started with, by name, declared or not."""
    given: Mapping[str, Any] = node._parameter_overrides
    return given


class OpenLifecycleNode(LifecycleNode):  # type: ignore[misc]
    """A lifecycle node whose requests for transitions can be answered otherwise."""

    def __init__(self, name: str, **options: Any) -> None:
        """Create the node; its lifecycle services do not wait for each other."""
        Node.__init__(self, name, **options)
        # LifecycleNode of Jazzy has no way to pass the group on.
        LifecycleNodeMixin.__init__(
            self, enable_communication_interface=True, callback_group=ReentrantCallbackGroup()
        )

    def destroy_node(self) -> None:
        """Take the node out of the ROS graph, with what its state machine has made there.

        rclpy of Jazzy forgets the state machine, and with it the node stays in the graph for as
        long as anything refers to it.
        """
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    @property
    def state_label(self) -> str:
        """Return the primary state: unconfigured, inactive, active, finalized or a transition."""
        return str(self._state_machine.current_state[1])

    @property
    def transitions(self) -> list[tuple[int, str]]:
        """Return id and label of the transitions that the state allows."""
        return [(item[0], item[1]) for item in self._state_machine.available_transitions]

    def trigger(self, transition: int | str) -> None:
        """Make a transition of the state machine, by id or label; no callback is called."""
        if isinstance(transition, int):
            self._state_machine.trigger_transition_by_id(transition, True)
        else:
            self._state_machine.trigger_transition_by_label(transition, True)

    async def answer_transition(self, request: Any, response: Any) -> Any:
        """Answer a request of the service `change_state`; by default as rclpy does."""
        return super()._LifecycleNodeMixin__on_change_state(request, response)

    async def _LifecycleNodeMixin__on_change_state(  # noqa: N802
        self, request: Any, response: Any
    ) -> Any:
        return await self.answer_transition(request, response)
