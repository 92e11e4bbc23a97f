"""One node in a process, from its start to the signal that ends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.ros.environment import prepare_process
from mmseg_ros.ros.logs import forward_logs, stop_forwarding
from mmseg_ros.ros.rclpy_compat import RCLError
from mmseg_ros.ros.signals import StopSignals

NodeT = TypeVar('NodeT')
_TIDY_UP_S = 1.5
_LAST_FRAME_S = 0.5


def run_node(arguments: Sequence[str], signals: StopSignals, make_node: Callable[[], Any]) -> int:
    """Run the node; SIGINT or SIGTERM ends the process with status 0.

    Args:
        arguments: The command line, with the program's name.
        signals: Both signals must be held already; see `hold_stop_signals`.
        make_node: Makes the node, which has a method `halt` that takes seconds.

    Returns:
        The exit status of a node that could not start; otherwise it does not return.
    """
    started = start_node(arguments, make_node, SignalHandlerOptions.NO)
    if started is None:
        return 1
    node, executor = started
    stop = StopFuture()
    signals.on_stop(lambda: stop.set_result(None), _TIDY_UP_S)
    handler = forward_logs(node.get_logger())
    _spin(executor, stop)
    stop_forwarding(handler)
    node.halt(_LAST_FRAME_S)
    rclpy.try_shutdown()
    node.destroy_node()
    # What is left is freed by the system, faster. Threads may still load or compile a network, and
    # libraries cannot be interrupted: they must not miss what an orderly exit would tear down.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def start_node(
    arguments: Sequence[str],
    make_node: Callable[[], NodeT],
    signals: SignalHandlerOptions = SignalHandlerOptions.ALL,
) -> tuple[NodeT, SingleThreadedExecutor] | None:
    """Prepare the process, start ROS and make the node.

    Args:
        arguments: The command line, with the program's name.
        make_node: Makes the node.
        signals: Which signals rclpy handles.

    Returns:
        The node and an executor that has it; None if it cannot start, which stderr tells.
    """
    prepare_process()
    rclpy.init(args=list(arguments), signal_handler_options=signals)
    try:
        node = make_node()
    except MmsegError as error:
        print(f'mmseg_ros: {error}', file=sys.stderr)
        rclpy.try_shutdown()
        return None
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    return node, executor


class StopFuture(Future):  # type: ignore[misc]
    """Ends `spin_until_future_complete`, and stays as small as it is.

    With every message served, rclpy of Jazzy adds one more callback that wakes the executor.
    """

    def __init__(self) -> None:
        super().__init__()
        self._wakes = False

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        """Keep the first one; all do the same."""
        if not self._wakes:
            self._wakes = True
            super().add_done_callback(callback)


def _spin(executor: SingleThreadedExecutor, stop: Future) -> None:
    while rclpy.ok() and not stop.done():
        try:
            executor.spin_until_future_complete(stop)
        except ExternalShutdownException:
            return
        except RCLError as error:
            # An rcl fault of one entity (a race of lifecycle requests); the node's state is kept.
            executor.get_nodes()[0].get_logger().error(f'{error}')
