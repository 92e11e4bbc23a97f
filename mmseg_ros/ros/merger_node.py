"""The node that joins the labeled clouds of a rig's cameras into one."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2

from mmseg_ros.core.errors import ConfigError, SampleError
from mmseg_ros.core.merger_config import MergerConfig
from mmseg_ros.core.parameters import default_of, parameters_of
from mmseg_ros.core.timing import StageStatistics
from mmseg_ros.labelling.merging import label_fields, merge_clouds
from mmseg_ros.messages import stamp_ns
from mmseg_ros.messages.cloud import point_array
from mmseg_ros.ros.conversions import cloud_message, header_of, status_message
from mmseg_ros.ros.deadline_timer import DeadlineTimer
from mmseg_ros.ros.parameters import descriptor_of
from mmseg_ros.ros.qos import AUTO, NO_EVENTS, output_qos
from mmseg_ros.ros.qos_overrides import output_options
from mmseg_ros.ros.rclpy_compat import given_parameters
from mmseg_ros.ros.subscriptions import AdaptiveSubscription, Candidate
from mmseg_ros.ros.throttle import Throttle
from mmseg_ros.sync.scan_join import Scan, ScanJoin

_QUEUE_DEPTH = 5
_GRAPH_POLL_S = 0.5


class CloudMerger(Node):  # type: ignore[misc]
    """Publishes `~/points`: per point what the most confident camera says.

    Attributes:
        join: Parts that wait. rejected: Per camera, why its last part was not used, else absent.
    """

    def __init__(self, name: str = 'cloud_merger', **options: Any) -> None:
        """Declare the parameters, subscribe and publish.

        Raises:
            ConfigError: A parameter is of another type or out of range, or names no camera.
        """
        super().__init__(name, **options)
        self.config = _declared(self)
        self.join: ScanJoin[tuple[str, NDArray[Any], int, int]] = ScanJoin(
            self.config.cameras, self.config.deadline_s, self.config.silent_after_s
        )
        self.rejected: dict[str, str] = {}
        self._stages = StageStatistics()
        self._warn = Throttle(lambda text: self.get_logger().warning(text))
        self._publisher = self.create_publisher(
            PointCloud2,
            '~/points',
            output_qos(),
            event_callbacks=NO_EVENTS,
            qos_overriding_options=output_options(),
        )
        self._inputs = {camera: self._subscribe(camera) for camera in self.config.cameras}
        self._report = self.create_publisher(
            DiagnosticArray, '/diagnostics', QoSProfile(depth=10), event_callbacks=NO_EVENTS
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._deadline = DeadlineTimer(self, self._advance)
        self.create_timer(_GRAPH_POLL_S, self._refresh, clock=steady)
        self.create_timer(1.0 / self.config.rate_hz, self._publish_report, clock=steady)

    def halt(self, timeout_s: float) -> None:
        """Take no more clouds, for the process is about to end."""
        for subscription in self._inputs.values():
            subscription.close()

    def _subscribe(self, camera: str) -> AdaptiveSubscription:
        topic = f'{camera}/{self.config.node}/points'
        candidate = Candidate(
            topic, 'sensor_msgs/msg/PointCloud2', PointCloud2, partial(self._take, camera)
        )
        return AdaptiveSubscription(self, [candidate], AUTO, _QUEUE_DEPTH)

    def _take(self, camera: str, message: PointCloud2) -> None:
        try:
            points = point_array(message)
            label_fields(points.dtype)
        except SampleError as error:
            self._reject(camera, str(error))
            return
        part = (message.header.frame_id, points, int(message.height), int(message.width))
        self._emit(self.join.add(camera, stamp_ns(message.header), part, self._now_ns()))

    def _advance(self) -> None:
        self._emit(self.join.advance(self._now_ns()))

    def _emit(self, scans: list[Scan[tuple[str, NDArray[Any], int, int]]]) -> None:
        for scan in scans:
            if self._publisher.get_subscription_count():
                self._publish(scan)
        self._deadline.arm(self.join.next_deadline_ns())

    def _publish(self, scan: Scan[tuple[str, NDArray[Any], int, int]]) -> None:
        began_s = time.monotonic()
        frame_id, first, height, width = next(iter(scan.parts.values()))
        fitting = []
        for camera, (_, points, _, _) in scan.parts.items():
            if points.dtype == first.dtype and len(points) == len(first):
                fitting.append(points)
                self.rejected.pop(camera, None)
            else:
                self._reject(camera, _difference(points, first))
        merged = merge_clouds(fitting, self.config.ignore_id)
        header = header_of(scan.stamp_ns, frame_id)
        self._publisher.publish(cloud_message(header, merged, height, width))
        self._stages.add({'merge': (time.monotonic() - began_s) * 1e3})

    def _reject(self, camera: str, reason: str) -> None:
        self.rejected[camera] = reason
        self._warn(f'Cloud of {camera} is left out: {reason}')

    def _refresh(self) -> None:
        for subscription in self._inputs.values():
            subscription.refresh()

    def _publish_report(self) -> None:
        now_ns = self._now_ns()
        join = self.join
        silent = join.silent(now_ns)
        name = self.get_fully_qualified_name().lstrip('/')
        values: dict[str, object] = {'emitted': join.emitted, 'incomplete': join.incomplete}
        for camera in self.config.cameras:
            values[f'received {camera}'] = join.received[camera]
            values[f'late {camera}'] = join.late[camera]
        for stage, quantiles in self._stages.percentiles_ms().items():
            values |= {f'{stage}_{quantile}_ms': f'{ms:.2f}' for quantile, ms in quantiles.items()}
        values |= {f'rejected {camera}': why for camera, why in self.rejected.items()}
        level, text = DiagnosticStatus.OK, 'all cameras deliver'
        if silent:
            level, text = DiagnosticStatus.WARN, f'Silent: {", ".join(silent)}.'
        if self.rejected:
            camera, why = next(iter(self.rejected.items()))
            level, text = DiagnosticStatus.ERROR, f'{camera} is left out: {why}'
        status = status_message(level, f'{name}: merger', text, values, hardware_id=name)
        self._report.publish(DiagnosticArray(header=header_of(now_ns, ''), status=[status]))

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)


def _declared(node: Node) -> MergerConfig:
    """Declare the parameters and return their values."""
    values: dict[str, Any] = {}
    for item in parameters_of(MergerConfig):
        default = default_of(item)
        given = given_parameters(node).get(item.name)
        value = default if given is None else given.value
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        values[item.name] = list(value) if isinstance(default, list) else value
    config = MergerConfig(**values)
    names = config.cameras
    if not all(names) or len(set(names)) != len(names):
        raise ConfigError(
            f'Parameter cameras must list the different namespaces of the cameras, but is {names}.'
        )
    for item in parameters_of(MergerConfig):
        node.declare_parameter(
            item.name, values[item.name], descriptor_of(item), ignore_override=True
        )
    return config


def _difference(points: NDArray[Any], first: NDArray[Any]) -> str:
    """Return how a cloud differs from the first of its scan."""
    if len(points) != len(first):
        return f'it has {len(points)} points, the first of the same scan has {len(first)}.'
    return (
        f'its fields are {", ".join(points.dtype.names or ())}, those of the first of the same '
        f'scan {", ".join(first.dtype.names or ())}; set one output.field_preset for all.'
    )
