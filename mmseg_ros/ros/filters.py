"""The collector as a message_filters filter: in place of an ApproximateTimeSynchronizer.

Importable only where message_filters is installed (a ROS 2 installation; it is not on PyPI).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import message_filters
from rclpy.node import Node

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import FrameSet, Modality, SensorSample
from mmseg_ros.messages import stamp_ns
from mmseg_ros.ros.deadline_timer import DeadlineTimer
from mmseg_ros.sync.collector import Collector


class CollectorFilter(message_filters.SimpleFilter):  # type: ignore[misc]
    """Takes messages from filters and passes on frames in which any message may be missing.

    Callbacks registered on it get one argument per input, in the order of the inputs: the message,
    or None where the input had none in time.

    Example::

        inputs = {'rgb': Subscriber(node, Image, 'rgb/image_raw'),
                  'lidar': Subscriber(node, PointCloud2, 'lidar/points')}
        CollectorFilter(node, inputs, SyncConfig(deadline_s=0.1)).registerCallback(fuse)

    Attributes:
        collector: Its counters and the health of the inputs.
    """

    def __init__(
        self,
        node: Node,
        inputs: Mapping[Modality, Any],
        sync: SyncConfig | None = None,
        sensors: Mapping[Modality, SensorConfig] | None = None,
    ) -> None:
        """Connect to the inputs.

        Args:
            node: Whose clock counts and whose executor wakes the filter at deadlines.
            inputs: message_filters filters by name, in the order of the callback's arguments.
                Their messages need a header.
            sync: How messages become frames; without `reference_order`, the first input leads.
            sensors: One block per input; a missing one has the defaults.
        """
        super().__init__()
        self._node = node
        blocks = sensors or {}
        # Messages pass through undecoded, so there is nothing to merge or to look into.
        plain = {name: replace(blocks.get(name, SensorConfig()), kind='image') for name in inputs}
        chosen = sync or SyncConfig(reference_order=list(inputs))
        self.collector = Collector(tuple(inputs), replace(chosen, content_checks=False), plain)
        self._deadline = DeadlineTimer(node, self._wake)
        for name, source in inputs.items():
            source.registerCallback(self._take, name)

    def close(self) -> None:
        """Stop waking up; the inputs stay connected."""
        self._deadline.close()

    def _take(self, message: Any, name: Modality) -> None:
        sample = SensorSample(name, stamp_ns(message.header), message.header.frame_id, message)
        self._pass_on(self.collector.add(sample, self._now_ns()))

    def _wake(self) -> None:
        self._pass_on(self.collector.advance(self._now_ns()))

    def _pass_on(self, frame_sets: list[FrameSet]) -> None:
        self._deadline.arm(self.collector.next_deadline_ns())
        for frame_set in frame_sets:
            samples = frame_set.samples
            self.signalMessage(
                *(
                    samples[name].payload if name in samples else None
                    for name in frame_set.modalities
                )
            )

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)
