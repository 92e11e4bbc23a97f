"""The one YAML that `inspect` proposes and all verbs and the node take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.modalities import KINDS, camera_info_beside, kind_of
from mmseg_ros.core.types import Modality
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.sync.clock_doctor import Suggestion

HEAD = """# proposed by `mmseg_ros inspect`: topics, windows, offsets and calibration
# Verbs take this file with --sensors FILE.yaml, the node with calibration.file:=FILE.yaml.
"""


def proposal(
    reader: BagReader,
    topics: Mapping[Modality, str],
    infos: Mapping[Modality, str],
    rig: Rig,
    suggestions: Mapping[Modality, Suggestion],
    deadline_s: float,
) -> dict[str, Any]:
    """Return the content of the file.

    Args:
        reader: The recording.
        topics: Data topic per sensor.
        infos: CameraInfo topics that were given.
        rig: What is known of the calibration.
        suggestions: Windows and offsets, of the sensors with stamps.
        deadline_s: Deadline of the frames; 0 leaves the default.
    """
    known = rig.to_dict()['sensors']
    sensors: dict[str, Any] = {}
    for name, topic in topics.items():
        block: dict[str, Any] = {'topic': topic}
        info = infos.get(name) or camera_info_beside(name, topic, reader.topics)
        if KINDS[kind_of(name)].has_camera and info in reader.topics:
            block['camera_info'] = info
        if name in suggestions:
            item = suggestions[name]
            block |= {
                'window_s': round(item.window_s, 3),
                'offset_s': round(item.offset_s, 3),
                'expected_rate_hz': round(item.expected_rate_hz, 2),
                'lost_after_s': round(item.lost_after_s, 2),
            }
        sensors[name] = block | known.get(name, {})
    for name, block in known.items():
        sensors.setdefault(name, block)  # the reference without its images
    data: dict[str, Any] = {'reference': rig.reference}
    if deadline_s > 0:
        data['sync'] = {'deadline_s': deadline_s}
    return {**data, 'sensors': sensors}


def proposal_text(data: Mapping[str, Any]) -> str:
    """Return the file as text."""
    body = yaml.safe_dump(dict(data), sort_keys=False, default_flow_style=None, width=99)
    return f'{HEAD}{body}'
