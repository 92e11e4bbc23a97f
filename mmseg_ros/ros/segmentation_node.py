"""Entry of the node's process.

Run it with `python -m mmseg_ros.ros.segmentation_node --ros-args --params-file config/mmseg.yaml`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mmseg_ros.ros.signals import StopSignals, hold_stop_signals


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; return the exit status, or end with 0 at a signal."""
    hold_stop_signals()
    signals = StopSignals()
    # Importing takes a second, in which a signal must not end the process with a traceback.
    from mmseg_ros.ros.node import SegmentationNode
    from mmseg_ros.ros.run_node import run_node

    return run_node(sys.argv if arguments is None else arguments, signals, SegmentationNode)


if __name__ == '__main__':
    sys.exit(main())
