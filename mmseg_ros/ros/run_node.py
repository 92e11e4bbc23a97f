"""One segmentation node in a process of its own, from start to the signal that ends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.ros.environment import prepare_process
from mmseg_ros.ros.logs import forward_logs, stop_forwarding
from mmseg_ros.ros.node import SegmentationNode
from mmseg_ros.ros.signals import on_stop_signal

_LOADING_ENDS_WITHIN_S = 4.0


def run_node(arguments: Sequence[str]) -> int:
    """Run the node until SIGINT or SIGTERM; return the exit status.

    Both signals must be held back already; see `hold_stop_signals`.
    """
    prepare_process()
    rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = SegmentationNode()
    except MmsegError as error:
        print(f'mmseg_ros: {error}', file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    stop: Future = Future()
    on_stop_signal(lambda: stop.set_result(None))
    handler = forward_logs(node.get_logger())
    _spin(executor, stop)
    stop_forwarding(handler)
    if not node.stop_loading(_LOADING_ENDS_WITHIN_S):
        # A library computes and cannot be interrupted: leave it no time to miss what is torn down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    node.release()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def _spin(executor: SingleThreadedExecutor, stop: Future) -> None:
    while rclpy.ok() and not stop.done():
        try:
            executor.spin_until_future_complete(stop)
        except ExternalShutdownException:
            return
        except rclpy_implementation.RCLError as error:
            # An rcl fault of one entity (a race of lifecycle requests); the node's state is kept.
            executor.get_nodes()[0].get_logger().error(f'{error}')
