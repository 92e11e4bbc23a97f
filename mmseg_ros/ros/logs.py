"""Log lines of the ROS-free parts into the node's log, and /rosout with it."""

from __future__ import annotations

import logging
from typing import Any


class NodeLogHandler(logging.Handler):
    """Forwards records of Python's logging to a node's logger."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record with its severity."""
        text = record.getMessage()
        # One line per severity: rclpy refuses a second severity from the same line.
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)


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
