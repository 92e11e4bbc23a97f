"""A short film of the drive: camera beside labels beside cloud, with the outages marked."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.atomic_files import atomic_file
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import SENSOR_TOPICS
from mmseg_ros.core.types import RGB
from mmseg_ros.demo.results import ALL_SENSORS, LABELS_TOPIC, POINTS_TOPIC, LabelFrame
from mmseg_ros.evaluation.pictures import labelled_cloud_picture, missing_picture
from mmseg_ros.evaluation.truth import StampedTopic
from mmseg_ros.labelling.colors import as_rgb, colorize, overlay
from mmseg_ros.metrics.html import Html, escaped
from mmseg_ros.metrics.report import Figure

MOST_FRAMES = 48
QUALITY = 60
_TILE = (168, 280)
_BAR = 26
_CLEAR, _ALARM, _INK = (246, 247, 249), (205, 50, 50), (40, 48, 60)
_LONGEST_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Film:
    """Pictures and how long each is shown.

    Attributes:
        pictures: H x W x 3 uint8 RGB, all of one size. durations_ms: Of each.
    """

    pictures: Sequence[NDArray[np.uint8]]
    durations_ms: Sequence[int]


def film_of(
    drive: Path, recording: Path, frames: Sequence[LabelFrame], label_space: LabelSpace
) -> Film:
    """Return the film of at most MOST_FRAMES label images, in the time of the sequence.

    Args:
        drive: The sequence that was played.
        recording: What the node published.
        frames: The label images, in the order of their stamps.
        label_space: What the labels mean.
    """
    step = max(1, -(-len(frames) // MOST_FRAMES))
    chosen = list(frames[::step])
    with BagReader(drive) as source, BagReader(recording) as reader:
        images = StampedTopic(source, SENSOR_TOPICS[RGB])
        labels, points = StampedTopic(reader, LABELS_TOPIC), StampedTopic(reader, POINTS_TOPIC)
        pictures = [_picture(f, images, labels, points, label_space) for f in chosen]
    ends_s = [frame.elapsed_s for frame in chosen[1:]]
    durations_ms = [
        round(1000 * min(max(end_s - frame.elapsed_s, 0.02), _LONGEST_STEP_S))
        for frame, end_s in zip(chosen, ends_s, strict=False)
    ]
    return Film(pictures, [*durations_ms, round(1000 * _LONGEST_STEP_S)])


def encoded(film: Film) -> bytes:
    """Return a film as an animated WebP that begins again at its end."""
    from PIL import Image

    first, *rest = [Image.fromarray(picture) for picture in film.pictures]
    stream = io.BytesIO()
    first.save(
        stream, 'WEBP', save_all=True, append_images=rest, duration=list(film.durations_ms),
        loop=0, quality=QUALITY, method=4,
    )  # fmt: skip
    return stream.getvalue()


def save_film(data: bytes, path: Path) -> None:
    """Write an encoded film, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def film_figure(data: bytes) -> Figure:
    """Return an encoded film as a figure of the report, which holds it itself."""
    code = base64.b64encode(data).decode()
    text = escaped('The drive: camera, labels and labeled cloud side by side')
    return Figure(
        [('', Html(f'<img alt="{text}" src="data:image/webp;base64,{code}">'))],
        'Camera, labels, labeled LiDAR points. The bar turns red while a sensor is silent; the '
        'camera is then shown as the node got it: not at all.',
    )


def _picture(
    frame: LabelFrame,
    images: StampedTopic,
    labels: StampedTopic,
    points: StampedTopic,
    label_space: LabelSpace,
) -> NDArray[np.uint8]:
    """Return one picture of the film."""
    index, near = labels.nearest(frame.stamp_ns), images.nearest(frame.stamp_ns)
    ids = None if index is None else labels.pixels(index)
    rgb = None if near is None else as_rgb(images.pixels(near))
    given = rgb if RGB in frame.available else None
    tiles = [
        _tile(missing_picture(*_TILE, 'no rgb') if given is None else given),
        _tile(_labels_picture(rgb, ids, label_space)),
        _tile(_cloud_picture(points, frame.stamp_ns, label_space)),
    ]
    row = np.hstack(tiles)
    is_out = frame.situation != ALL_SENSORS
    bar = np.full((_BAR, row.shape[1], 3), _ALARM if is_out else _CLEAR, np.uint8)
    text = f'{frame.elapsed_s:5.1f} s   {frame.situation}'
    color = (255, 255, 255) if is_out else _INK
    cv2.putText(bar, text, (8, _BAR - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.55, color, 1, cv2.LINE_AA)
    return np.vstack([bar, row])


def _labels_picture(
    rgb: NDArray[np.uint8] | None, ids: NDArray[Any] | None, label_space: LabelSpace
) -> NDArray[np.uint8]:
    if ids is None:
        return missing_picture(*_TILE, 'no labels')
    return colorize(ids, label_space) if rgb is None else overlay(rgb, ids, label_space, 0.55)


def _cloud_picture(
    points: StampedTopic, stamp_ns: int, label_space: LabelSpace
) -> NDArray[np.uint8]:
    """Return the cloud of a stamp; one that is older than half a second is none."""
    index = points.nearest(stamp_ns)
    if index is None or abs(points.stamps_ns[index] - stamp_ns) > 500_000_000:
        return missing_picture(*_TILE, 'no labeled points')
    cloud = messages.decode_cloud(points.message(index))
    return labelled_cloud_picture(cloud, cloud.points['label'], label_space)


def _tile(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture cut to the shape of a tile."""
    height, width = _TILE
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (
        max(width, round(picture.shape[1] * scale)),
        max(height, round(picture.shape[0] * scale)),
    )
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (resized.shape[0] - height) // 2, (resized.shape[1] - width) // 2
    return np.asarray(resized[top : top + height, left : left + width], np.uint8)
