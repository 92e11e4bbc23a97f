"""What one sensor says about itself on /diagnostics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus

from mmseg_ros.core.types import DEPTH, LIDAR, Modality
from mmseg_ros.ros.usage_watch import UsageWatch
from mmseg_ros.sync.health import HealthReport
from mmseg_ros.sync.states import HealthState

if TYPE_CHECKING:
    from mmseg_ros.core.config import NodeConfig
    from mmseg_ros.ros.session import Session
    from mmseg_ros.ros.stream import Stream

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR

LEVELS: dict[HealthState, bytes] = {
    HealthState.OK: OK,
    HealthState.RECOVERING: WARN,
    HealthState.LATE: WARN,
    HealthState.STALE: WARN,
    HealthState.OFFSET: ERROR,
    HealthState.LOST: ERROR,
}
_RECENT_S = 2.0
_USED_BY_OUTPUTS = (LIDAR, DEPTH)


def sensor_report(
    report: HealthReport,
    stream: Stream,
    session: Session,
    config: NodeConfig,
    usage: UsageWatch,
    now_ns: int,
) -> tuple[bytes, str, dict[str, object]]:
    """Return level, message and values of a sensor's status; the most telling fault comes first.

    Args:
        report: Its health.
        stream: Subscriptions and counters.
        session: Network and calibration.
        config: The parameters.
        usage: Notices what is never used.
        now_ns: The node's clock.
    """
    name = report.modality
    level, text = LEVELS[report.state], report.cause
    unused = usage.explain(report, stream.collector.counters, config, time.monotonic())
    if level == OK:
        text = _not_connected(name, session) or unused or text
        level = OK if text == report.cause else WARN
    rejections = stream.intake.rejections.get(name)
    info_fault = _info_fault(name, stream, session)
    if info_fault:
        level, text = ERROR, info_fault
    if rejections is not None and _is_rejecting(report, now_ns - rejections.last_ns):
        level, text = ERROR, f'Samples are rejected: {rejections.last_text}'
    if stream.inputs[name].problem:
        level, text = ERROR, stream.inputs[name].problem
    return level, text, _values(report, stream)


def _not_connected(name: Modality, session: Session) -> str:
    """Return why nothing needs a sensor, or ''."""
    manifest = session.bundle.manifest
    if (
        name in manifest.modality_names
        or session.kinds[name] in _USED_BY_OUTPUTS
        or name == session.calibration.rig.reference
    ):
        return ''
    return (
        f'{name} delivers and is not used: the network of bundle {manifest.name} takes '
        f'{", ".join(manifest.modality_names)}, and no result needs it; choose another '
        'model.bundle, or take it out of sensor_names.'
    )


def _info_fault(name: Modality, stream: Stream, session: Session) -> str:
    """Return what is wrong with the CameraInfo alone, or ''."""
    problem = stream.intake.info_problems.get(name)
    if problem:
        return f'CameraInfo on {stream.infos[name].topic} is rejected: {problem}'
    conflict = session.calibration.size_conflict(name)
    if conflict:
        return conflict
    return stream.infos[name].problem if name in stream.infos else ''


def _values(report: HealthReport, stream: Stream) -> dict[str, object]:
    name = report.modality
    counters, subscription = stream.collector.counters.sensors[name], stream.inputs[name]
    rejections = stream.intake.rejections.get(name)
    values: dict[str, object] = {
        'health': report.state.value,
        'rate_hz': f'{report.rate_hz:.2f}',
        'age_s': _number(report.age_s),
        'offset_s': _number(report.offset_s),
        'skew_s': _number(report.skew_s),
        'topic': subscription.topic,
        'publishers': subscription.publisher_count(),
        'reliability': subscription.reliability,
        'received': stream.intake.received[name],
        'used': counters.used,
        'late': counters.late,
        'lateness_p95_ms': counters.lateness_quantile_ms(0.95),
        'rejected': rejections.total if rejections else 0,
    }
    costs = stream.intake.costs.percentiles_ms(names=(name, f'{name} cpu'))
    if name in costs:
        values['intake_p95_ms'] = f'{costs[name]["p95"]:.2f}'
        values['intake_cpu_p95_ms'] = f'{costs[f"{name} cpu"]["p95"]:.2f}'
    if rejections:
        values |= {f'rejected: {cause}': count for cause, count in rejections.causes.items()}
    values |= {f'dropped: {cause}': count for cause, count in counters.drops.items()}
    decoder = stream.intake.decoders.get(name)
    if decoder is not None:
        values |= {f'lost: {cause}': count for cause, count in decoder.losses.items()}
        if decoder.intensity.name:
            values['intensity'] = str(decoder.intensity)
    return values


def _number(value: float | None) -> str:
    return '' if value is None else f'{value:.4f}'


def _is_rejecting(report: HealthReport, since_ns: int) -> bool:
    """Return whether rejections are what keeps a sensor out, not a silence after good samples."""
    if report.state is HealthState.LOST and report.age_s is not None:
        return since_ns < min(_RECENT_S, report.age_s) * 1e9
    return since_ns < _RECENT_S * 1e9
