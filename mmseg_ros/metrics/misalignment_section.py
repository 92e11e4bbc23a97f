"""How far the extrinsics are off, as a section of a report and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg_ros.metrics.report import Section, Table

_CAPTION = (
    'Outlines in the scan or depth image are turned about the optical axes of the camera until '
    'they lie on edges of its image. Angle: by how much the given extrinsics are off; an axis '
    'counts if it is more than two standard deviations (in brackets) from 0. Confidence: share '
    'of redrawn parts of the frames that put the angle on the same side of the limit. Gain: '
    'share of outlines on edges after the turn, as a multiple of that before.'
)
_AXES = ('pitch', 'yaw', 'roll')


def misalignment_section(metrics: Mapping[str, Any]) -> Section:
    """Return the section; empty where the recording says nothing about extrinsics.

    Args:
        metrics: Content of metrics.json.
    """
    rows = [[name, *_cells(found)] for name, found in _found(metrics).items()]
    if not rows:
        return Section('Extrinsics')
    head = ['sensor', 'degrees off', *_AXES, 'confidence', 'gain', 'frames', 'outlines', 'verdict']
    return Section('Extrinsics', blocks=[Table(head, rows, _CAPTION)])


def misalignment_text(metrics: Mapping[str, Any]) -> str:
    """Return one line per sensor that was judged."""
    return ''.join(
        f'{"extrinsics of " + name:28} {_verdict(found)}\n'
        for name, found in _found(metrics).items()
    )


def _found(metrics: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = metrics.get('misalignment', {})
    return found


def _cells(found: Mapping[str, Any]) -> list[str]:
    if found['angle_deg'] is None:
        turns = ['', '', '', '', '', '']
    else:
        turns = [
            f'{found["angle_deg"]:.2f}',
            *(f'{found[f"{a}_deg"]:+.2f} ({found[f"{a}_sigma_deg"]:.2f})' for a in _AXES),
            f'{found["confidence"]:.2f}',
            f'{found["gain"]:.2f}',
        ]
    return [*turns, str(found['frames']), str(found['outlines']), _verdict(found)]


def _verdict(found: Mapping[str, Any]) -> str:
    if found['angle_deg'] is None:
        return f'not judged: {found["reason"]}'
    if found['exceeds']:
        return f'off by about {found["angle_deg"]:.2f} deg: calibrate again'
    return f'within {found["limit_deg"]:g} deg, or not surely beyond it'
