"""`~/ground`: nav_msgs/OccupancyGrid of where the vehicle can drive, once per scan."""

from __future__ import annotations

import array
from typing import Any

from mmseg_ros.core.errors import ConfigError, MmsegError
from mmseg_ros.core.ground_config import GroundConfig
from mmseg_ros.core.modalities import BASE_FRAME_ID
from mmseg_ros.labelling.frame import Frame
from mmseg_ros.ros.conversions import header_of
from mmseg_ros.ros.tools.message_types import message_class_of

TOPIC = '~/ground'
_TYPE = 'nav_msgs/msg/OccupancyGrid'


class GroundOutput:
    """Makes the messages.

    Attributes:
        config: Live-tunable parameters. message_class: nav_msgs/OccupancyGrid.

    Raises:
        ConfigError: nav_msgs is not installed.
    """

    def __init__(self, config: GroundConfig) -> None:
        self.config = config
        message_class = message_class_of(_TYPE)
        if message_class is None:
            raise ConfigError(
                f'ground.enabled is set, but {_TYPE} is not installed; install nav_msgs.'
            )
        self.message_class: Any = message_class
        self._last_scan_ns: int | None = None

    def message(self, frame: Frame) -> Any:
        """Return the grid of a frame; None for a scan that was used already.

        Raises:
            MmsegError: The frame has no cloud, or the LiDAR's pose is unknown.
        """
        sample = frame.lidar
        if sample is None:
            raise MmsegError('No LiDAR cloud in the frame.')
        if sample.stamp_ns == self._last_scan_ns:
            return None
        self._last_scan_ns = sample.stamp_ns
        grid = frame.ground(self.config)
        message = self.message_class(header=header_of(sample.stamp_ns, BASE_FRAME_ID))
        message.info.map_load_time = message.header.stamp
        message.info.resolution = float(grid.resolution_m)
        message.info.height, message.info.width = map(int, grid.cells.shape)
        message.info.origin.position.x = float(grid.origin_m[0])
        message.info.origin.position.y = float(grid.origin_m[1])
        message.info.origin.orientation.w = 1.0
        message.data = array.array('b', grid.cells.tobytes())
        return message
