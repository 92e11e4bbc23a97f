"""Ground truth in a recording, looked up by header stamp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.errors import BagError
from mmseg_ros.core.modalities import TRUTH_LABELS_TOPIC, TRUTH_POINTS_TOPIC
from mmseg_ros.core.types import LIDAR, CloudData, SensorSample

_MAX_TOLERANCE_NS = 100_000_000


class StampedTopic:
    """Messages of one topic, found by the nearest header stamp and read when asked for.

    Attributes:
        stamps_ns: N int64 header stamps, ascending; empty where the bag lacks the topic.
        tolerance_ns: Largest distance of a match: half the topic's period.
    """

    def __init__(self, reader: BagReader, topic: str) -> None:
        self._reader = reader
        self._topic = topic
        found = sorted(
            (messages.stamp_ns(reader.deserialize(item).header), item.stamp_ns)
            for item in reader.raw([topic])
        )
        self.stamps_ns = np.array([stamp for stamp, _ in found], np.int64)
        self._bag_stamps_ns = [bag_stamp for _, bag_stamp in found]
        period_ns = int(np.median(np.diff(self.stamps_ns))) if len(found) > 1 else 0
        self.tolerance_ns = min(period_ns // 2, _MAX_TOLERANCE_NS)

    def nearest(self, stamp_ns: int) -> int | None:
        """Return the index of the message nearest to a stamp, or None beyond the tolerance."""
        if not len(self.stamps_ns):
            return None
        index = int(np.argmin(np.abs(self.stamps_ns - stamp_ns)))
        offset_ns = abs(int(self.stamps_ns[index]) - stamp_ns)
        return index if offset_ns <= self.tolerance_ns else None

    def message(self, index: int) -> Any:
        """Return the message at an index of `stamps_ns`."""
        bag_stamp_ns = self._bag_stamps_ns[index]
        for item in self._reader.raw([self._topic], bag_stamp_ns, bag_stamp_ns + 1):
            message = self._reader.deserialize(item)
            if messages.stamp_ns(message.header) == self.stamps_ns[index]:
                return message
        raise BagError(f'{self._reader.path}: {self._topic} changed while it was read.')


class Truth:
    """True label images and true point labels of a recording.

    Attributes:
        labels: The label images. points: The labelled clouds.
    """

    def __init__(self, path: Path) -> None:
        """Open the bag a second time, so that look-ups do not disturb a running replay.

        Raises:
            BagError: The bag cannot be read.
        """
        self._reader = BagReader(path)
        self.labels = StampedTopic(self._reader, TRUTH_LABELS_TOPIC)
        self.points = StampedTopic(self._reader, TRUTH_POINTS_TOPIC)

    def close(self) -> None:
        """Close the bag."""
        self._reader.close()

    def label_image(self, stamp_ns: int) -> NDArray[Any] | None:
        """Return the H x W true class ids nearest to a stamp; None where there are none."""
        index = self.labels.nearest(stamp_ns)
        if index is None:
            return None
        return messages.decode_image(self.labels.message(index)).pixels

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
