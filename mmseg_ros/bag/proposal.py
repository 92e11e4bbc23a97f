"""Which topic of a recording is probably which sensor: by type, encoding and words of its name."""

from __future__ import annotations

from collections.abc import Collection

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.modalities import (
    COMPRESSED_IMAGE_TYPE,
    EVENT_TYPES,
    IMAGE_TYPE,
    LIVOX_TYPES,
    POINT_CLOUD_TYPE,
    TRUTH_LABELS_TOPIC,
    TRUTH_POINTS_TOPIC,
    sensor_topic,
)
from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, STANDARD_MODALITIES, Modality
from mmseg_ros.projection.sensor_words import modality_of

_DEPTH_ENCODINGS = ('16uc1', '32fc1', '64fc1')
_RESULTS = ('truth', 'label', 'labels', 'mask', 'overlay', 'confidence', 'color_labels', 'debug')
_GOOD = ('color', 'rgb', 'front', 'top', 'image_raw', 'image', 'points', 'aligned')
_POOR = ('infra', 'infra1', 'infra2', 'right', 'rear', 'back', 'theora', 'side', 'fisheye')


def propose_topics(reader: BagReader) -> dict[Modality, str]:
    """Return a data topic per modality, for those that the recording seems to hold.

    The node's own topics come first; of several candidates the one whose name says most, then the
    one with most messages.
    """
    candidates: dict[Modality, list[str]] = {}
    for topic in reader.topics:
        modality = _modality(reader, topic)
        if modality is not None:
            candidates.setdefault(modality, []).append(topic)
    order = [*STANDARD_MODALITIES, *candidates]
    return {
        name: max(candidates[name], key=lambda topic: _rank(reader, name, topic))
        for name in dict.fromkeys(order)
        if name in candidates
    }


def _rank(reader: BagReader, modality: Modality, topic: str) -> tuple[int, int, int]:
    own = sensor_topic(modality)
    words = topic.lower().strip('/').replace('/', '_').split('_') + topic.lower().split('/')
    liked = sum(word in words for word in _GOOD) - 2 * sum(word in words for word in _POOR)
    plain = not topic.endswith(('/compressed', '/compressedDepth'))
    is_own = topic == own or topic.startswith(own + '/')
    return 10 * is_own + liked, int(plain), reader.topics[topic].count


def _modality(reader: BagReader, topic: str) -> Modality | None:
    kind = reader.topics[topic].type_name
    words = [word for part in topic.lower().split('/') for word in (part, *part.split('_'))]
    is_result = any(word in _RESULTS for word in words)
    if is_result or topic in (TRUTH_LABELS_TOPIC, TRUTH_POINTS_TOPIC):
        return None
    named = modality_of(topic)
    if kind == POINT_CLOUD_TYPE:
        return EVENT if named == EVENT else None if named == DEPTH else LIDAR
    if kind in LIVOX_TYPES:
        return LIDAR
    if kind in EVENT_TYPES and kind != IMAGE_TYPE:
        return EVENT
    if kind == COMPRESSED_IMAGE_TYPE and topic.endswith('/compressedDepth'):
        return DEPTH
    if kind not in (IMAGE_TYPE, COMPRESSED_IMAGE_TYPE):
        return None
    if kind == IMAGE_TYPE and _encoding(reader, topic) in _DEPTH_ENCODINGS and named != 'thermal':
        return DEPTH
    return named if named not in (None, LIDAR, EVENT) else RGB


def _encoding(reader: BagReader, topic: str) -> str:
    for item in reader.raw([topic]):
        try:
            return str(reader.deserialize(item).encoding).lower()
        except SampleError:
            continue
    return ''


def sensors_hint(reader: BagReader, wanted: Collection[Modality]) -> str:
    """Return the words of `--sensors` that fit a recording, to say in an error; '' if none do."""
    found = {name: topic for name, topic in propose_topics(reader).items() if name in wanted}
    if not found:
        return ''
    words = ' '.join(f'{name}={topic}' for name, topic in found.items())
    return f' Say which topic is which sensor, such as: --sensors {words}'
