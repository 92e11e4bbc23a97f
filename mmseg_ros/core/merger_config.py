"""Parameters of the node that merges the labeled clouds of several cameras."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_ros.core.parameters import Checked, parameter


@dataclass(frozen=True, kw_only=True)
class MergerConfig(Checked):
    """Everything that the cloud merger can be told."""

    cameras: list[str] = parameter(
        [''],
        'Namespaces of the cameras, whose nodes publish <camera>/<node>/points.',
        read_only=True,
    )
    node: str = parameter('mmseg', 'Name of the node of each camera.', read_only=True)
    deadline_s: float = parameter(
        0.3,
        'Longest wait of a scan for its cameras, from the first of them.',
        unit='s',
        low=0.0,
        high=10.0,
        read_only=True,
    )
    silent_after_s: float = parameter(
        1.0,
        'Silence after which a camera is no longer waited for.',
        unit='s',
        low=0.01,
        high=60.0,
        read_only=True,
    )
    ignore_id: int = parameter(
        255, 'Label of points that no camera sees.', low=0, high=65535, read_only=True
    )
    rate_hz: float = parameter(
        1.0, 'Rate of /diagnostics.', unit='Hz', low=0.1, high=50.0, read_only=True
    )
