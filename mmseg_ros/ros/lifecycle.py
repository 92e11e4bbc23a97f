"""A lifecycle node that survives invalid requests, hides no error and answers while it loads."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import Transition
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.ros.background_work import BackgroundWork
from mmseg_ros.ros.rclpy_compat import OpenLifecycleNode

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


class SafeLifecycleNode(OpenLifecycleNode):
    """Answers invalid transitions with `success=False` and logs what makes a transition fail.

    rclpy of ROS 2 Jazzy lets an RCLError out of spin when a client asks for a transition that the
    current state does not have, swallows exceptions of the transition callbacks, and serves
    nothing else while one of them works. Here configuring has three steps, of which the middle
    one runs in its own thread: `begin`, `load`, `install`.

    Attributes:
        failure: Why the last transition failed, for diagnostics; empty after a success.
        stopping: Whether the process ends; whoever loads gives up at the next opportunity.
    """

    failure: str = ''
    stopping: bool = False

    def __init__(self, name: str, **options: Any) -> None:
        """Create the node; its lifecycle services do not wait for each other."""
        self._work: BackgroundWork[TransitionCallbackReturn] | None = None
        super().__init__(name, **options)

    def begin(self) -> None:
        """Read the parameters; everything else waits for this step."""

    def load(self) -> None:
        """Check and load; runs in its own thread and touches nothing of ROS."""

    def install(self) -> None:
        """Make the ROS entities of what was loaded."""

    def release(self) -> None:
        """Free everything that a configure or activate made; safe to call twice."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do all three steps at once; only `trigger_configure` comes here."""
        code = self.guarded('configure', self.begin)
        for step in (self.load, self.install):
            code = self.guarded('configure', step) if code == SUCCESS else code
        return self._settled(code)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release what the failed transition left behind and go back to unconfigured."""
        self.release()
        return SUCCESS

    async def configure(self) -> TransitionCallbackReturn:
        """Make the transition; the executor serves everything else while the network loads."""
        self.trigger(int(Transition.TRANSITION_CONFIGURE))
        code = self.guarded('configure', self.begin)
        if code == SUCCESS:
            self._work = BackgroundWork(
                'mmseg_configure', lambda: self.guarded('configure', self.load), self._wake
            )
            code = await self._work
            self._work = None
        if code == SUCCESS:
            code = self.guarded('configure', self.install)
        self.trigger(self._settled(code).to_label())
        if code == ERROR:
            self.trigger(self.on_error(None).to_label())
        return code

    def guarded(self, name: str, body: Callable[[], None]) -> TransitionCallbackReturn:
        """Run the body of transition `name` and return how it went.

        An expected error makes it fail, any other one is an error; the transition can be asked
        for again after both.
        """
        self.failure = ''
        try:
            body()
        except MmsegError as error:
            if self.stopping:
                return FAILURE
            self.failure = f'{name} rejected: {error}'
            self.get_logger().error(self.failure)
            return FAILURE
        except Exception as error:  # rclpy would swallow it
            self.failure = f'{name} failed: {error!r}'
            self.get_logger().error(f'{self.failure}\n{traceback.format_exc()}')
            return ERROR
        return SUCCESS

    async def answer_transition(self, request: Any, response: Any) -> Any:
        """Configure beside the executor; reject what the state does not allow."""
        transitions = self.transitions
        label = request.transition.label
        wanted = [
            t for t in transitions if (t[1] == label if label else t[0] == request.transition.id)
        ]
        if not wanted:
            possible = ', '.join(t[1] for t in transitions) or 'none'
            self.get_logger().warning(
                f'Rejected transition {label or request.transition.id!r} in state '
                f'{self.state_label!r}; possible: {possible}.'
            )
            response.success = False
        elif wanted[0][0] == Transition.TRANSITION_CONFIGURE:
            response.success = await self.configure() == SUCCESS
        else:
            response = await super().answer_transition(request, response)
        return response

    def _settled(self, code: TransitionCallbackReturn) -> TransitionCallbackReturn:
        """Free what a failed configure has made so far."""
        if code != SUCCESS:
            self.release()
        return code

    def _wake(self) -> None:
        executor = self.executor
        if executor is not None:
            executor.wake()
