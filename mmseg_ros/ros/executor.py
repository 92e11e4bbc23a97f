"""Which of rclpy's executors runs a node, and how it is run until the node is to stop."""

from __future__ import annotations

from collections.abc import Callable

import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from mmseg_ros.ros.batch_executor import BatchExecutor
from mmseg_ros.ros.rclpy_compat import RCLError


def make_executor(context: Context | None = None) -> SingleThreadedExecutor:
    """Return the cheapest executor that this rclpy allows; one thread, the order of arrival.

    Why it is not rclpy's EventsExecutor: docs/benchmarks/inference.md.

    Args:
        context: Of the nodes that it will run; the default one if left out.
    """
    kind = BatchExecutor if BatchExecutor.is_possible(context) else SingleThreadedExecutor
    return kind(context=context)


def spin_until(executor: SingleThreadedExecutor, node: Node, stop: Future) -> None:
    """Serve the node until `stop` is done or ROS is shut down; its log names the executor."""
    node.get_logger().info(f'Executor: {type(executor).__name__}.')
    try:
        while rclpy.ok(context=node.context) and not stop.done():
            _serve(executor, node, stop)
    except ExternalShutdownException:
        return
    finally:
        if isinstance(executor, BatchExecutor):
            executor.release()


def _serve(executor: SingleThreadedExecutor, node: Node, stop: Future) -> None:
    try:
        executor.spin_until_future_complete(stop)
    except RCLError as error:
        # An rcl fault of one entity (a race of lifecycle requests); the node's state is kept.
        node.get_logger().error(f'{error}')


class StopFuture(Future):  # type: ignore[misc]
    """Ends `spin_until`, and stays as small as it is.

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
