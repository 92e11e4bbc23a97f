"""Messages of the node and the sensors into the scene, live as from a bag."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelClass, LabelSpace, load_label_space
from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.resources import share_directory
from mmseg_ros.core.types import RGB, CloudData, ImageData, Modality
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.labelling.colors import as_rgb
from mmseg_ros.messages import SensorDecoder, decode_image, stamp_ns
from mmseg_ros.messages.cloud import point_array
from mmseg_ros.messages.image import depth_data
from mmseg_ros.view.pictures import payload_picture, scaled
from mmseg_ros.view.scene import Cloud, Health, Scene

MOST_POINTS = 20_000
LABELS, POINTS, INFO, MASK, DIAGNOSTICS = 'labels', 'points', 'info', 'mask', 'diagnostics'
_SENSOR = 'sensor '
_REFERRING, _SEGMENTING = 'referring', 'segmenting'
_UNLABELED = (150, 154, 160)


class Feed:
    """Decodes messages; one that cannot be read is counted and changes nothing.

    Args:
        scene: Where they go. node: Full name of the node, such as /mmseg.

    Attributes:
        faults: What could not be read, by cause.
    """

    def __init__(self, scene: Scene, node: str) -> None:
        self.scene = scene
        self.faults: Counter[str] = Counter()
        self._node = node.lstrip('/')
        self._decoders: dict[Modality, SensorDecoder] = {}
        self._event_size: dict[Modality, tuple[int, int]] = {}
        self._labeled = False

    def prepare(self) -> None:
        """Load what decodes, which takes seconds of a core once, before anybody looks."""
        depth_data(np.ones((1, 1), np.float32), 1.0)

    def take(self, part: str, type_name: str, message: Any) -> None:
        """Take a message.

        Args:
            part: LABELS, POINTS, INFO, MASK, DIAGNOSTICS, or the name of a sensor.
            type_name: Its ROS type.
            message: As rclpy or rosbags give it.
        """
        takes = {
            LABELS: self._labels,
            POINTS: self._points,
            INFO: self._info,
            MASK: self._mask,
            DIAGNOSTICS: self._diagnostics,
        }
        try:
            if part in takes:
                takes[part](message)
            else:
                self._sensor(part, type_name, message)
        except Exception as error:  # one message costs no more than itself
            self.faults[f'{part}: {reason_of(error, "showing")}'] += 1

    def camera_info(self, modality: Modality, message: Any) -> None:
        """Take the size of an event camera, which events alone do not tell."""
        self._event_size[modality] = int(message.height), int(message.width)

    def _sensor(self, modality: Modality, type_name: str, message: Any) -> None:
        decoder = self._decoders.get(modality)
        if decoder is None:
            size = self._event_size
            decoder = self._decoders[modality] = SensorDecoder(
                kind_of(modality), lambda: size.get(modality, (0, 0))
            )
        payload = decoder.payload(type_name, message)
        self.scene.set_picture(modality, payload_picture(payload))
        if modality == RGB and isinstance(payload, ImageData):
            self.scene.set('rgb', as_rgb(scaled(payload.pixels)))
        if isinstance(payload, CloudData) and not self._labeled:
            self._show_cloud(payload.points)

    def _labels(self, message: Any) -> None:
        labels = decode_image(message).pixels
        step = max(1, labels.shape[1] // 480)
        self.scene.set('labels', np.ascontiguousarray(labels[::step, ::step]))
        self.scene.count_result(stamp_ns(message.header) / 1e9)

    def _mask(self, message: Any) -> None:
        self.scene.set('mask', np.asarray(scaled(decode_image(message).pixels)))

    def _points(self, message: Any) -> None:
        self._labeled = True
        self._show_cloud(point_array(message))

    def _show_cloud(self, points: NDArray[Any]) -> None:
        """Show a thinned cloud in the colors of its labels, gray where it has none."""
        points = points[:: max(1, len(points) // MOST_POINTS)]
        xyz = np.stack([points[n].astype(np.float32) for n in 'xyz'], -1)
        kept = np.isfinite(xyz).all(1)
        names = points.dtype.names or ()
        label = next((n for n in ('label', 'class_id') if n in names), None)
        colors = np.full((len(points), 3), _UNLABELED, np.uint8)
        space = self.scene.label_space
        if label is not None and space is not None:
            ids = points[label].astype(np.int64)
            named = ids < space.num_classes
            colors[named] = space.palette()[ids[named]]
        self.scene.set('cloud', Cloud(xyz[kept], colors[kept]))

    def _info(self, message: Any) -> None:
        if hasattr(message, 'class_map'):
            names = {int(c.class_id): str(c.class_name) for c in message.class_map}
            space = _space_of([names[i] for i in sorted(names)])
        else:
            space = LabelSpace.from_dict(json.loads(message.data))
        self.scene.set('label_space', space)

    def _diagnostics(self, message: Any) -> None:
        health: dict[str, Health] = {}
        statuses: dict[str, tuple[int, str]] = {}
        latency_ms = float('nan')
        start = f'{self._node}: '
        for status in message.status:
            if not status.name.startswith(start):
                continue
            part = status.name.removeprefix(start)
            level = _level(status.level)
            values = {str(item.key): str(item.value) for item in status.values}
            if part.startswith(_SENSOR):
                name = part.removeprefix(_SENSOR)
                state, rate = values.get('health', ''), values.get('rate_hz', '')
                health[name] = Health(level, str(status.message), state, rate, values)
                continue
            statuses[part] = level, str(status.message)
            latency_ms = float(values.get('latency_p50_ms', latency_ms))
            if part == _REFERRING and values.get('state') != _SEGMENTING:
                self.scene.set('mask', None)  # one that was on its way when the prompt ended
        if statuses:
            self.scene.report(stamp_ns(message.header) / 1e9, health, statuses, latency_ms)


def _level(level: Any) -> int:
    """Return the level as a number: rclpy gives one byte, rosbags an integer."""
    return level[0] if isinstance(level, bytes | bytearray) else int(level)


def _space_of(names: list[str]) -> LabelSpace:
    """Return the shipped label space of these classes, else one with colors around the wheel."""
    for path in sorted((share_directory() / 'config' / 'label_spaces').glob('*.yaml')):
        try:
            space = load_label_space(path.stem)
        except ConfigError:
            continue
        if [item.name for item in space.classes] == names:
            return space
    colors = _wheel(len(names))
    classes = tuple(
        LabelClass(i, name, (int(r), int(g), int(b)), '')
        for i, (name, (r, g, b)) in enumerate(zip(names, colors, strict=True))
    )
    return LabelSpace('label_info', classes, 255)


def _wheel(count: int) -> NDArray[np.uint8]:
    hue = (np.arange(count) * 180 / max(count, 1)).astype(np.uint8)
    hsv = np.stack([hue, np.full(count, 190, np.uint8), np.full(count, 220, np.uint8)], -1)
    return np.asarray(cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0], np.uint8)
