"""Log lines of the ROS-free parts into the node's log, and /rosout with it."""

from __future__ import annotations

import logging
from typing import Any

from mmseg_ros.ros.throttle import Throttle


class NodeLogHandler(logging.Handler):
    """Forwards records of Python's logging to a node's logger."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        # One line of code per severity: rclpy rejects a second severity from the same line.
        self._error = Throttle(lambda text: logger.error(text))
        self._warning = Throttle(lambda text: logger.warning(text))
        self._info = Throttle(lambda text: logger.info(text))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record with its severity, unless it repeats a recent one."""
        if record.levelno >= logging.ERROR:
            self._error(record.getMessage())
        elif record.levelno >= logging.WARNING:
            self._warning(record.getMessage())
        else:
            self._info(record.getMessage())


def forward_logs(logger: Any) -> NodeLogHandler:
    """Send what the package logs to a node's logger from now on; return the handler."""
    package = logging.getLogger('mmseg_ros')
    handler = NodeLogHandler(logger)
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    package.propagate = False
    return handler


def stop_forwarding(handler: NodeLogHandler) -> None:
    """End what `forward_logs` began."""
    package = logging.getLogger('mmseg_ros')
    package.removeHandler(handler)
    package.propagate = True
