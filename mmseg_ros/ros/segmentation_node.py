"""The lifecycle node: sensor topics in, labels, labelled clouds and diagnostics out.

Run it with `python -m mmseg_ros.ros.segmentation_node --ros-args --params-file config/mmseg.yaml`.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.ros.diagnostics import Reporter
from mmseg_ros.ros.environment import prepare_process
from mmseg_ros.ros.lifecycle import SafeLifecycleNode
from mmseg_ros.ros.logs import forward_logs, stop_forwarding
from mmseg_ros.ros.parameters import NodeParameters
from mmseg_ros.ros.session import Session
from mmseg_ros.ros.stream import Stream

_DEFAULT_NAME = 'mmseg'


class SegmentationNode(SafeLifecycleNode):
    """Configure loads the bundle and makes the publishers, activate subscribes.

    Attributes:
        session: What configuring made, else None. stream: What activating made, else None.
    """

    def __init__(self, name: str = _DEFAULT_NAME, **options: Any) -> None:
        """Declare the parameters; with `autostart`, become active as soon as the node spins.

        Raises:
            ConfigError: A given parameter is of another type or out of range.
        """
        super().__init__(name, **options)
        self.session: Session | None = None
        self.stream: Stream | None = None
        self._declared = NodeParameters(self)
        self.config = self._declared.config()
        for text in self._declared.unknown():
            self.get_logger().warning(text)
        self.add_on_set_parameters_callback(self._declared.check)
        self.add_post_set_parameters_callback(self._tune)
        self._reporter = Reporter(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        period_s = 1.0 / self.config.diagnostics.rate_hz
        self._report_timer = self.create_timer(period_s, self._reporter.publish, clock=steady)
        if self._declared.autostart:
            self._start_timer = self.create_timer(0.0, self._start, clock=steady)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the bundle, the backend and the calibration; refuse what does not fit."""
        return self.guarded('configure', self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Enable the publishers and subscribe to the sensors."""
        return self.guarded('activate', lambda: self._activate(state))

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and end the worker; the network stays loaded."""
        return self.guarded('deactivate', lambda: self._deactivate(state))

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the network and the publishers."""
        return self.guarded('cleanup', self.release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything for good."""
        return self.guarded('shutdown', self.release)

    def release(self) -> None:
        """Free the network, the publishers and the subscriptions, whatever there is of them."""
        self._close_stream()
        if self.session is not None:
            self.session.close()
            self.session = None

    def _start(self) -> None:
        self._start_timer.cancel()
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def _configure(self) -> None:
        self.config = self._declared.config()
        self.session = Session(self, self.config, self._reporter.modalities)
        manifest = self.session.bundle.manifest
        self.get_logger().info(
            f'Bundle {manifest.name} ({manifest.model}, {manifest.precision}) with '
            f'{", ".join(manifest.modality_names)} at {manifest.width}x{manifest.height} on '
            f'{self.session.backend.name}. Parameters: {self.config}'
        )
        for name in self.session.unconnected:
            self.get_logger().warning(
                f'The network takes {name!r}, but the node has no such sensor enabled; add '
                'it to the parameter `sensors`.'
            )

    def _activate(self, state: LifecycleState) -> None:
        assert self.session is not None  # noqa: S101
        super().on_activate(state)
        self.stream = Stream(self, self.config, self.session)
        self.session.outputs.publish_label_info()

    def _deactivate(self, state: LifecycleState) -> None:
        self._close_stream()
        super().on_deactivate(state)

    def _close_stream(self) -> None:
        if self.stream is not None and not self.stream.close():
            self.get_logger().error('The worker did not end in time.')
        self.stream = None

    def _tune(self, _: list[Parameter]) -> None:
        self.config = self._declared.config()
        if self.session is not None:
            self.session.tune(self.config)
        if self.stream is not None:
            self.stream.tune(self.config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; return the exit status."""
    prepare_process()
    rclpy.init(args=list(sys.argv if arguments is None else arguments))
    try:
        node = SegmentationNode()
    except MmsegError as error:
        print(f'mmseg_ros: {error}', file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    handler = forward_logs(node.get_logger())
    try:
        _spin(executor)
    finally:
        # `ros2 launch` sends a second SIGINT, which must not interrupt the tidying up.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        stop_forwarding(handler)
        node.release()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _spin(executor: SingleThreadedExecutor) -> None:
    while rclpy.ok():
        try:
            executor.spin()
        except (KeyboardInterrupt, ExternalShutdownException):
            return
        except rclpy_implementation.RCLError as error:
            # An rcl fault of one entity (a race of lifecycle requests); the node's state is kept.
            executor.get_nodes()[0].get_logger().error(f'{error}')


if __name__ == '__main__':
    sys.exit(main())
