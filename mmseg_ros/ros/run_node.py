"""One node in a process, from its start to the signal that ends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.ros.environment import prepare_process
from mmseg_ros.ros.executor import StopFuture, make_executor, spin_until
from mmseg_ros.ros.logs import forward_logs, stop_forwarding
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
    spin_until(executor, node, stop)
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
    executor = make_executor()
    executor.add_node(node)
    return node, executor
