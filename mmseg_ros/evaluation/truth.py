"""Ground truth in a recording, looked up by header stamp."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.bag.stamp_files import known_stamps
from mmseg_ros.core.errors import BagError, DatasetError
from mmseg_ros.core.modalities import TRUTH_LABELS_TOPIC, TRUTH_POINTS_TOPIC
from mmseg_ros.core.types import LIDAR, CloudData, SensorSample
from mmseg_ros.datasets.label_png import read_label_png
from mmseg_ros.evaluation.label_map import LabelMap

_MAX_TOLERANCE_NS = 100_000_000
_PASSED = 16

Stamps = list[tuple[int, int]]
"""Header and bag stamp of messages, nanoseconds."""


class Stamped:
    """Things with a stamp, found by the nearest one.

    Attributes:
        stamps_ns: N int64 stamps, ascending.
        tolerance_ns: Largest distance of a match: half their period.
    """

    def __init__(self, stamps_ns: Sequence[int]) -> None:
        """Take ascending stamps."""
        self.stamps_ns = np.array(stamps_ns, np.int64)
        period_ns = int(np.median(np.diff(self.stamps_ns))) if len(stamps_ns) > 1 else 0
        self.tolerance_ns = min(period_ns // 2, _MAX_TOLERANCE_NS)

    def nearest(self, stamp_ns: int) -> int | None:
        """Return the index of what is nearest to a stamp, or None beyond the tolerance."""
        if not len(self.stamps_ns):
            return None
        index = int(np.argmin(np.abs(self.stamps_ns - stamp_ns)))
        offset_ns = abs(int(self.stamps_ns[index]) - stamp_ns)
        return index if offset_ns <= self.tolerance_ns else None


class StampedTopic(Stamped):
    """Messages of one topic, read when asked for; empty where the bag lacks the topic.

    Attributes:
        topic: Its name.
    """

    def __init__(self, reader: BagReader, topic: str, found: Stamps | None = None) -> None:
        """Look for the stamps, unless they are known.

        Args:
            reader: The open bag.
            topic: Its name.
            found: Header and bag stamp of each message.
        """
        self.topic = topic
        self._reader = reader
        found = sorted(_stamps_of(reader, [topic])[topic] if found is None else found)
        super().__init__([stamp for stamp, _ in found])
        self._bag_stamps_ns = [bag_stamp for _, bag_stamp in found]
        self._passed: deque[RawMessage] = deque(maxlen=_PASSED)

    @classmethod
    def several(cls, reader: BagReader, topics: Sequence[str]) -> list[StampedTopic]:
        """Return several topics; their stamps are found in one pass over the bag."""
        found = _stamps_of(reader, topics)
        return [cls(reader, topic, found[topic]) for topic in topics]

    def pass_by(self, item: RawMessage) -> None:
        """Keep a message that some reader came upon, so that it need not be looked for soon."""
        self._passed.append(item)

    def message(self, index: int) -> Any:
        """Return the message at an index of `stamps_ns`."""
        bag_stamp_ns = self._bag_stamps_ns[index]
        passed = [item for item in self._passed if item.stamp_ns == bag_stamp_ns]
        looked_for = self._reader.raw([self.topic], bag_stamp_ns, bag_stamp_ns + 1)
        for item in chain(passed, looked_for):
            message = self._reader.deserialize(item)
            if messages.stamp_ns(message.header) == self.stamps_ns[index]:
                return message
        raise BagError(f'{self._reader.path}: {self.topic} changed while it was read.')

    def pixels(self, index: int) -> NDArray[Any]:
        """Return the image at an index of `stamps_ns`."""
        message = self.message(index)
        decode = messages.decode_compressed_image if hasattr(message, 'format') else None
        return (decode or messages.decode_image)(message).pixels


def _stamps_of(reader: BagReader, topics: Sequence[str]) -> dict[str, Stamps]:
    """Return header and bag stamp of each message of some topics."""
    found: dict[str, Stamps] = {topic: [] for topic in topics}
    for item in reader.raw(topics):
        header = reader.deserialize(item).header
        found[item.topic].append((messages.stamp_ns(header), item.stamp_ns))
    return found


class LabelFolder(Stamped):
    """Label images in a folder, beside the recording."""

    def __init__(self, folder: Path, image_stamps_ns: Sequence[int], has_colors: bool) -> None:
        """Find the files and their stamps.

        Args:
            folder: PNG files, with stamps.txt or stamps as names; without both there must be one
                per image of the camera, in the same order.
            image_stamps_ns: Of the camera, ascending.
            has_colors: Whether the label map is for colors.

        Raises:
            DatasetError: There is no label image, or its time cannot be told.
        """
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == '.png')
        if not files:
            raise DatasetError(f'{folder} holds no label image (*.png).')
        stamps = known_stamps(files, (folder,))
        if stamps is None and len(files) == len(image_stamps_ns):
            stamps = dict(zip(files, image_stamps_ns, strict=True))
        if stamps is None:
            raise DatasetError(
                f'{folder} holds {len(files)} label images and the recording '
                f'{len(image_stamps_ns)} camera images; add stamps.txt with lines NAME STAMP.'
            )
        self._files = sorted(stamps, key=lambda path: stamps[path])
        self._has_colors = has_colors
        super().__init__([stamps[path] for path in self._files])

    def pixels(self, index: int) -> NDArray[Any]:
        """Return the label image at an index of `stamps_ns`: ids, or colors in RGB order.

        Raises:
            DatasetError: The file cannot be read.
        """
        path = self._files[index]
        if not self._has_colors:
            return read_label_png(path)
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise DatasetError(f'{path} is no image that can be read.')
        return pixels[..., ::-1]


@dataclass(frozen=True)
class LabelSource:
    """Where the true label images come from.

    Attributes:
        topic: Topic of the recording. folder: Folder of PNG files, instead of the topic.
        label_map: From their ids or colors to the classes; None takes ids as they are.
        camera_topic: Topic of the camera, whose stamps a folder without stamps has.
    """

    topic: str = TRUTH_LABELS_TOPIC
    folder: Path | None = None
    label_map: LabelMap | None = None
    camera_topic: str = ''


class Truth:
    """True label images and true point labels of a recording.

    Attributes:
        labels: The label images. points: The labeled clouds.
    """

    def __init__(self, path: Path, source: LabelSource | None = None) -> None:
        """Open the bag a second time, so that look-ups do not disturb a running replay.

        Raises:
            BagError: The bag cannot be read, or lacks a topic of labels that was given.
            DatasetError: A folder of labels does not fit.
        """
        source = source or LabelSource()
        self._reader = BagReader(path)
        self._map = source.label_map
        self.labels: StampedTopic | LabelFolder
        try:
            if source.topic != TRUTH_LABELS_TOPIC and source.topic not in self._reader.topics:
                raise BagError(
                    f'{path} has no topic {source.topic} of labels; it has '
                    f'{", ".join(sorted(self._reader.topics))}.'
                )
            if source.folder is not None:
                images = StampedTopic(self._reader, source.camera_topic).stamps_ns.tolist()
                has_colors = self._map is not None and bool(self._map.colors)
                self.labels = LabelFolder(source.folder, images, has_colors)
                self.points = StampedTopic(self._reader, TRUTH_POINTS_TOPIC)
            else:
                topics = source.topic, TRUTH_POINTS_TOPIC
                self.labels, self.points = StampedTopic.several(self._reader, topics)
        except BaseException:
            self._reader.close()
            raise

    def close(self) -> None:
        """Close the bag."""
        self._reader.close()

    def passing(self) -> dict[str, Callable[[RawMessage], None]]:
        """Return what takes messages that another reader of the bag comes upon, by topic."""
        topics = [item for item in (self.labels, self.points) if isinstance(item, StampedTopic)]
        return {item.topic: item.pass_by for item in topics}

    def label_image(self, stamp_ns: int) -> NDArray[Any] | None:
        """Return the H x W true class ids nearest to a stamp; None where there are none.

        Raises:
            DatasetError: The image holds colors without a map of them, or cannot be read.
        """
        index = self.labels.nearest(stamp_ns)
        if index is None:
            return None
        pixels = self.labels.pixels(index)
        if self._map is not None:
            return self._map.apply(pixels, f'The label image at {stamp_ns} ns')
        if pixels.ndim != 2:
            raise DatasetError('The label images hold colors; say their classes with --label-map.')
        return pixels

    def cloud(self, stamp_ns: int) -> CloudData | None:
        """Return the cloud with a field `label` nearest to a stamp; None where there is none.

        Raises:
            BagError: The cloud has no field `label`.
        """
        sample = self.cloud_sample(stamp_ns)
        return sample.payload if sample and isinstance(sample.payload, CloudData) else None

    def cloud_sample(self, stamp_ns: int) -> SensorSample | None:
        """Return the same cloud with its own stamp.

        Raises:
            BagError: The cloud has no field `label`.
        """
        index = self.points.nearest(stamp_ns)
        if index is None:
            return None
        message = self.points.message(index)
        cloud = messages.decode_cloud(message)
        names = cloud.points.dtype.names or ()
        if 'label' not in names:
            raise BagError(
                f'{TRUTH_POINTS_TOPIC} has no field `label`, but: {", ".join(names)}; '
                'true point labels cannot be scored.'
            )
        own_stamp_ns = int(self.points.stamps_ns[index])
        return SensorSample(LIDAR, own_stamp_ns, str(message.header.frame_id), cloud)
