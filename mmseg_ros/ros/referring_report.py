"""What text-prompted segmentation says about itself on /diagnostics."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from mmseg_ros.referring.tokenizer import MISSING_LIBRARY
from mmseg_ros.ros.referring_node import Referring, ReferringState


def referring_report(referring: Referring) -> tuple[bytes, str, dict[str, object]]:
    """Return level, message and values of its status."""
    state, reason, notes, sentences = referring.standing()
    values: dict[str, object] = {
        'state': state.value,
        'expression': '; '.join(sentences),
        'published': referring.published,
        'failures': referring.failures,
        'idle': referring.idle,
        'dropped frames': referring.slot.dropped,
    }
    segmenter = referring.segmenter
    if segmenter is not None:
        values |= {
            'bundle': segmenter.bundle.manifest.name,
            'backend': segmenter.backend_name,
            'text prompts encoded': segmenter.encoded,
        }
    for stage, quantiles in referring.stages.percentiles_ms().items():
        values |= {f'{stage}_{name}_ms': f'{value:.2f}' for name, value in quantiles.items()}
    values |= {f'paused {topic}': text for topic, text in list(referring.outputs.paused.items())}
    if reason:
        return DiagnosticStatus.ERROR, f'{state.value}: {reason}', values
    if state is ReferringState.UNAVAILABLE:
        return DiagnosticStatus.OK, f'{state.value}: {MISSING_LIBRARY}', values
    if notes:
        return DiagnosticStatus.WARN, ' '.join(notes), values
    if sentences and not referring.outputs.wanted():
        return DiagnosticStatus.OK, f'{state.value}: nobody subscribes to a result.', values
    return DiagnosticStatus.OK, state.value, values
