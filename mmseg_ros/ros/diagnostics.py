"""What the node says about itself: /diagnostics once a second, ~/modalities with every result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile

from mmseg_ros.labelling.frame import Frame
from mmseg_ros.ros.conversions import header_of, status_message
from mmseg_ros.ros.qos import NO_EVENTS
from mmseg_ros.ros.referring_report import referring_report
from mmseg_ros.ros.sensor_report import ERROR, LEVELS, OK, WARN, sensor_report
from mmseg_ros.ros.usage_watch import UsageWatch
from mmseg_ros.sync.health import HealthReport

if TYPE_CHECKING:
    from mmseg_ros.core.config import NodeConfig
    from mmseg_ros.ros.model_switch import ModelSwitch
    from mmseg_ros.ros.session import Session
    from mmseg_ros.ros.stream import Stream

_LATENCY_WITHIN_S = 5.0


class ReportedNode(Protocol):
    """What the reports take from the node; the node owns its reporter, not the other way round.

    Attributes:
        config: All parameters. failure: Why the last transition failed, or empty.
        session: What configuring made. stream: What activating made. switch: Other bundles.
    """

    config: NodeConfig
    failure: str
    session: Session | None
    stream: Stream | None
    switch: ModelSwitch

    @property
    def state_label(self) -> str:
        """Return the state of its life cycle."""

    def create_publisher(self, *arguments: Any, **options: Any) -> Any:
        """Create a publisher; see rclpy."""

    def get_clock(self) -> Any:
        """Return its clock; see rclpy."""

    def get_fully_qualified_name(self) -> str:
        """Return namespace and name."""


class Reporter:
    """Builds the node's reports from its parts."""

    def __init__(self, node: ReportedNode) -> None:
        self._node = node
        self._usage = UsageWatch()
        self._publisher = node.create_publisher(
            DiagnosticArray, '/diagnostics', QoSProfile(depth=10), event_callbacks=NO_EVENTS
        )

    def publish(self) -> None:
        """Publish one DiagnosticArray: the node, its sensors, its frames and its processing."""
        now_ns = self._now_ns()
        statuses = [self._node_status()]
        stream, session = self._node.stream, self._node.session
        if stream is not None and session is not None:
            reports = stream.collector.health.reports(now_ns)
            statuses += [
                self._sensor_status(reports[name], stream, session, now_ns)
                for name in stream.modalities
            ]
            statuses.append(self._sync_status(stream))
            statuses.append(self._processing_status(stream, session))
            level, text, values = referring_report(session.referring)
            statuses.append(self._status(level, 'referring', text, values))
            if stream.calibration_watch.is_on:
                level, text, values = stream.calibration_watch.status()
                statuses.append(self._status(level, 'calibration', text, values))
        if session is not None:
            level, text, values = self._node.switch.status()
            statuses.append(self._status(level, 'model', text, values))
        array = DiagnosticArray(header=header_of(now_ns, ''), status=statuses)
        self._publisher.publish(array)

    def modalities(self, frame: Frame) -> DiagnosticArray:
        """Return one status per sensor of a result: available, age, health, router weight."""
        result, frame_set = frame.result, frame.frame_set
        available = dict(zip(result.modalities, result.available, strict=True))
        stream = self._node.stream
        reports = stream.collector.health.reports(self._now_ns()) if stream else {}
        weights = frame.router_weights
        statuses = []
        for name in frame_set.modalities:
            report = reports.get(name)
            values: dict[str, object] = {
                'available': str(bool(available.get(name, name in frame_set.samples))).lower(),
                'age_ms': _ms(frame_set.ages_ns.get(name)),
                'health': report.state.value if report else '',
                'router_weight': f'{weights[name]:.4f}' if name in weights else '',
            }
            level = LEVELS[report.state] if report else WARN
            statuses.append(status_message(level, name, report.cause if report else '', values))
        return DiagnosticArray(header=header_of(result.stamp_ns, result.frame_id), status=statuses)

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _status(
        self, level: bytes, part: str, text: str, values: dict[str, object]
    ) -> DiagnosticStatus:
        name = self._node.get_fully_qualified_name().lstrip('/')
        return status_message(level, f'{name}: {part}', text, values, hardware_id=name)

    def _node_status(self) -> DiagnosticStatus:
        node = self._node
        values: dict[str, object] = {'state': node.state_label}
        if node.session is not None:
            manifest = node.session.bundle.manifest
            values |= {
                'bundle': manifest.name,
                'backend': node.session.backend.name,
                'precision': manifest.precision,
                'computes in': node.session.backend.precision,
                'calibration': node.config.calibration.file or '/tf_static',
            }
            values |= node.session.backend.status()
            if node.session.unconnected:
                values['inputs without a sensor'] = ', '.join(node.session.unconnected)
        if node.stream is not None and node.stream.frames is not None:
            problem = node.stream.frames.problem
            if problem:
                return self._status(WARN, 'node', problem, values)
        if node.failure:
            return self._status(ERROR, 'node', node.failure, values)
        if 'inputs without a sensor' in values:
            text = f'The network also takes {values["inputs without a sensor"]}: no such sensor.'
            return self._status(WARN, 'node', text, values)
        if 'reason' in values:
            text = f'{values["preferred backend"]}; {values["backend"]} serves instead.'
            return self._status(WARN, 'node', text, values)
        level = OK if node.state_label == 'active' else WARN
        return self._status(level, 'node', node.state_label, values)

    def _sensor_status(
        self, report: HealthReport, stream: Stream, session: Session, now_ns: int
    ) -> DiagnosticStatus:
        level, text, values = sensor_report(
            report, stream, session, self._node.config, self._usage, now_ns
        )
        return self._status(level, f'sensor {report.modality}', text, values)

    def _sync_status(self, stream: Stream) -> DiagnosticStatus:
        counters = stream.collector.counters
        values: dict[str, object] = {
            f'closed by {reason.value}': count for reason, count in counters.closed.items()
        }
        values |= {f'set {"+".join(names)}': n for names, n in counters.subsets.items()}
        values |= {
            'dropped frames': stream.worker.slot.dropped,
            'below_minimum': counters.below_minimum,
            'clock_jumps': stream.jumps,
            'odometry_received': stream.odometry.received,
        }
        if stream.collector.health.all_lost:
            return self._status(
                ERROR, 'sync', 'All sensors are lost: nothing is published.', values
            )
        return self._status(OK, 'sync', f'{sum(counters.closed.values())} frames', values)

    def _processing_status(self, stream: Stream, session: Session) -> DiagnosticStatus:
        statistics = session.statistics
        stages = statistics.stages.percentiles_ms()
        values: dict[str, object] = {
            f'{stage}_{quantile}_ms': f'{value:.2f}'
            for stage, quantiles in stages.items()
            for quantile, value in quantiles.items()
        }
        values |= {f'used {subset}': count for subset, count in statistics.subsets.items()}
        values |= {f'failed: {cause}': count for cause, count in statistics.failures.items()}
        values |= {f'paused {topic}': text for topic, text in session.outputs.paused.items()}
        values |= {'published': statistics.published, 'idle': statistics.idle}
        values |= {'motion_unknown': session.odometry.misses}
        budget_ms = self._node.config.diagnostics.latency_budget_ms
        recent = statistics.stages.percentiles_ms(_LATENCY_WITHIN_S, names=('latency',))
        latency_ms = recent.get('latency', {}).get('p95', 0.0)
        silence = self._silence(stream, session)
        if silence:
            return self._status(ERROR, 'processing', silence, values)
        if statistics.last_failure:
            return self._status(ERROR, 'processing', statistics.last_failure, values)
        if latency_ms > budget_ms:
            text = (
                f'Latency {latency_ms:.0f} ms (p95 of the last {_LATENCY_WITHIN_S:.0f} s) is '
                f'above the budget of {budget_ms:.0f} ms.'
            )
            return self._status(WARN, 'processing', text, values)
        if not session.outputs.wanted():
            return self._status(OK, 'processing', 'Idle: nobody subscribes to a result.', values)
        if session.outputs.paused:
            text = 'Paused: ' + ', '.join(session.outputs.paused)
            return self._status(WARN, 'processing', text, values)
        return self._status(OK, 'processing', f'{latency_ms:.0f} ms latency (p95)', values)

    def _silence(self, stream: Stream, session: Session) -> str:
        """Return that no result comes although sensors deliver, and the stage; '' if one does."""
        statistics, limit_s = session.statistics, self._node.config.diagnostics.no_result_s
        silent_s = stream.silence.seconds(
            sum(stream.intake.received.values()), statistics.published, session.outputs.wanted()
        )
        if silent_s < limit_s:
            return ''
        stage, running_s = session.watch.longest()
        if running_s >= limit_s / 2:
            cause = f'stage {stage!r} has been running for {running_s:.1f} s.'
        elif statistics.last_failure:
            cause = f'stage {session.watch.failed or "align"!r} fails: {statistics.last_failure}'
        else:
            cause = stream.why_no_frame()
        return f'No result for {silent_s:.1f} s although sensors deliver: {cause}'


def _ms(age_ns: int | None) -> str:
    return '' if age_ns is None else f'{age_ns / 1e6:.3f}'
