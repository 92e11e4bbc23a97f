"""A lifecycle node that survives invalid transition requests and never hides an exception."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from mmseg_ros.core.errors import MmsegError


class SafeLifecycleNode(LifecycleNode):  # type: ignore[misc]
    """Answers invalid transitions with `success=False` and logs what makes a transition fail.

    rclpy of ROS 2 Jazzy lets an RCLError out of spin when a client asks for a transition that the
    current state does not have, and swallows exceptions of the transition callbacks.

    Attributes:
        failure: Why the last transition failed, for diagnostics; empty after a success.
    """

    failure: str = ''

    def _LifecycleNodeMixin__on_change_state(self, request: Any, response: Any) -> Any:  # noqa: N802
        transitions = self._state_machine.available_transitions
        label = request.transition.label
        if label:
            valid = label in {transition[1] for transition in transitions}
        else:
            valid = request.transition.id in {transition[0] for transition in transitions}
        if not valid:
            self.get_logger().warning(
                f'Refused transition {label or request.transition.id!r} in state '
                f'{self.state_label!r}; possible: {", ".join(t[1] for t in transitions)}.'
            )
            response.success = False
            return response
        return super()._LifecycleNodeMixin__on_change_state(request, response)

    @property
    def state_label(self) -> str:
        """Return the primary state: unconfigured, inactive, active, finalized or a transition."""
        return str(self._state_machine.current_state[1])

    def guarded(self, name: str, body: Callable[[], None]) -> TransitionCallbackReturn:
        """Run the body of transition `name` and return how it went.

        An expected error makes it fail, any other one is an error; the transition can be asked
        for again after both.
        """
        self.failure = ''
        try:
            body()
        except MmsegError as error:
            self.failure = f'{name} refused: {error}'
            self.get_logger().error(self.failure)
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # rclpy would swallow it
            self.failure = f'{name} failed: {error!r}'
            self.get_logger().error(f'{self.failure}\n{traceback.format_exc()}')
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release what the failed transition left behind and go back to unconfigured."""
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def release(self) -> None:
        """Free everything that a configure or activate made; safe to call twice."""
