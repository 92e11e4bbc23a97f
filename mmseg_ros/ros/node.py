"""The lifecycle node: sensor topics in, labels, labeled clouds and diagnostics out."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from mmseg_ros.messages.results import NODE_NAME
from mmseg_ros.ros.diagnostics import Reporter
from mmseg_ros.ros.entities import destroyed_on_error, taken_back_on_error
from mmseg_ros.ros.environment import return_free_memory
from mmseg_ros.ros.lifecycle import SUCCESS, SafeLifecycleNode
from mmseg_ros.ros.loading import Plan, load, plan
from mmseg_ros.ros.model_switch import ModelSwitch
from mmseg_ros.ros.network import Network
from mmseg_ros.ros.parameters import NodeParameters
from mmseg_ros.ros.session import Session
from mmseg_ros.ros.stream import Stream


class SegmentationNode(SafeLifecycleNode):
    """Configure loads the bundle and makes the publishers, activate subscribes.

    Attributes:
        session: What configuring made, else None. stream: What activating made, else None.
        switch: Other bundles while it runs.
    """

    def __init__(self, name: str = NODE_NAME, **options: Any) -> None:
        """Declare the parameters; with `autostart`, become active as soon as the node spins.

        Raises:
            ConfigError: A given parameter is of another type or out of range.
        """
        super().__init__(name, **options)
        self.session: Session | None = None
        self.stream: Stream | None = None
        self._plan: Plan | None = None
        self._network: Network | None = None
        with destroyed_on_error(self):
            self._declare()

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

    def begin(self) -> None:
        """Take the parameters as they are now."""
        self.config = self._declared.config()
        self.get_logger().info(
            f'Configuring: loading bundle {self.config.model.bundle!r}. Parameters: {self.config}'
        )

    def load(self) -> None:
        """Check parameters, calibration, manifest and runtime; then load and warm up the network.

        Even the checks read files and import libraries, for which no other service may wait.
        """
        self._plan = plan(self.config)
        self._network = load(self._plan, lambda: self.stopping)

    def install(self) -> None:
        """Make the publishers, and take over what was loaded."""
        assert self._plan is not None  # noqa: S101
        assert self._network is not None  # noqa: S101
        with taken_back_on_error(self):
            self.session = Session(self, self._plan, self._network, self._reporter.modalities)
        self.session.tune(self._plan.config, self.config)  # what was set while it loaded
        self.switch.begin(self.session, self._plan.config)
        self._plan = self._network = None
        manifest = self.session.bundle.manifest
        self.get_logger().info(
            f'Bundle {manifest.name} ({manifest.model}, {manifest.precision}) with '
            f'{", ".join(manifest.modality_names)} at {manifest.width}x{manifest.height} on '
            f'{self.session.backend.name}.'
        )
        for name in self.session.unconnected:
            self.get_logger().warning(
                f'The network takes {name!r}, but the node has no such sensor enabled; add '
                'it to the parameter `sensor_names`.'
            )

    def release(self) -> None:
        """Free the network, the publishers and the subscriptions, whatever there is of them."""
        self._close_stream()
        self.switch.end()
        if self.session is not None:
            self.session.close()
        elif self._plan is not None:
            self._plan.backend.close()
        self.session = self._plan = self._network = None
        return_free_memory()

    def halt(self, timeout_s: float) -> None:
        """Take no more samples and wait for the frame at hand, for the process is about to end.

        The network stays as it is: freeing it, or waiting for what is being loaded, helps nobody.
        """
        self.stopping = True
        if self.stream is not None:
            self.stream.close(timeout_s)

    def _declare(self) -> None:
        self._declared = NodeParameters(self)
        self.config = self._declared.config()
        for text in self._declared.unknown():
            self.get_logger().warning(text)
        self.switch = ModelSwitch(self)
        self.add_on_set_parameters_callback(self._check)
        self.add_post_set_parameters_callback(self._tune)
        self._reporter = Reporter(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        period_s = 1.0 / self.config.diagnostics.rate_hz
        self._report_timer = self.create_timer(period_s, self._reporter.publish, clock=steady)
        if self._declared.autostart:
            self._start_timer = self.create_timer(
                0.0, self._start, callback_group=ReentrantCallbackGroup(), clock=steady
            )

    async def _start(self) -> None:
        self._start_timer.cancel()
        if await self.configure() == SUCCESS:
            self.trigger_activate()

    def _activate(self, state: LifecycleState) -> None:
        assert self.session is not None  # noqa: S101
        with taken_back_on_error(self):
            self.stream = Stream(self, self.config, self.session)
        super().on_activate(state)
        for text in self._declared.unused_qos():
            self.get_logger().warning(text)
        self.session.announce()

    def _deactivate(self, state: LifecycleState) -> None:
        self._close_stream()
        super().on_deactivate(state)

    def _close_stream(self) -> None:
        if self.stream is not None and not self.stream.close():
            self.get_logger().error('The worker did not end in time.')
        self.stream = None

    def _check(self, changes: list[Parameter]) -> SetParametersResult:
        """Accept or reject changed parameters as a whole, with the reason."""
        result = self._declared.check(changes)
        if result.successful:
            reason = self.switch.check(self._declared.config(changes))
            result = SetParametersResult(successful=not reason, reason=reason)
        return result

    def _tune(self, _: list[Parameter]) -> None:
        """Pass changed parameters on to the parts that they concern, and to no others."""
        before, self.config = self.config, self._declared.config()
        if self.config == before:
            return
        if self.session is not None:
            self.session.tune(before, self.config)
        if self.stream is not None:
            self.stream.tune(before, self.config)
        self.switch.tune(self.config)
