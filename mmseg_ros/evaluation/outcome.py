"""Whether an evaluation says anything about a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg_ros.core.modalities import TRUTH_LABELS_TOPIC, TRUTH_POINTS_TOPIC


def fault_of(metrics: Mapping[str, Any]) -> str:
    """Return why a run says nothing about the bundle, in one sentence; '' if something was scored.

    Args:
        metrics: Content of metrics.json.
    """
    sets, name = metrics['sets'], metrics['bag']['name']
    reasons = [f'{key}: {item["reason"]}' for key, item in metrics['malformed'].items()]
    if not sets['count']:
        because = '; '.join(reasons) or 'its sensors never met, or it holds no message of them'
        return f'No frame came out of {name}: {because}'
    unusable = sets['unusable']
    if sum(unusable.values()) == sets['count']:
        first = max(unusable, key=lambda reason: int(unusable[reason]))
        return f'None of the {sets["count"]} frames of {name} could be used: {first}'
    if not any(row['pixels'] or row['points'] for row in metrics['recorded']):
        return (
            f'Nothing was scored: {name} has no labeled pixel or point near a frame on '
            f'{TRUTH_LABELS_TOPIC} or {TRUTH_POINTS_TOPIC}; --labels names your own ground truth.'
        )
    return ''
