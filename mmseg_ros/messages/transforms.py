"""The tree of static frames that /tf_static messages describe."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.transforms import invert, pose


class FrameTree:
    """Collects transforms between parent and child frames; later ones win."""

    def __init__(self) -> None:
        self._edges: dict[str, tuple[str, NDArray[np.float64]]] = {}

    def add(self, msg: Any) -> None:
        """Take over all transforms of a tf2_msgs/TFMessage.

        Raises:
            CalibrationError: A rotation is not a unit quaternion.
        """
        for item in msg.transforms:
            move, turn = item.transform.translation, item.transform.rotation
            matrix = pose([move.x, move.y, move.z], [turn.x, turn.y, turn.z, turn.w])
            child = item.child_frame_id.lstrip('/')
            self._edges[child] = (item.header.frame_id.lstrip('/'), matrix)

    def T(self, target: str, source: str) -> NDArray[np.float64] | None:  # noqa: N802
        """Return the 4 x 4 transform from frame `source` into frame `target`; None if unjoined.

        Raises:
            CalibrationError: The transforms hold a loop.
        """
        root, T_root_source = self._to_root(source.lstrip('/'))
        target_root, T_root_target = self._to_root(target.lstrip('/'))
        return invert(T_root_target) @ T_root_source if root == target_root else None

    def _to_root(self, frame_id: str) -> tuple[str, NDArray[np.float64]]:
        T_root_frame = np.eye(4)
        passed = [frame_id]
        while frame_id in self._edges:
            frame_id, T_parent_child = self._edges[frame_id]
            T_root_frame = T_parent_child @ T_root_frame
            if frame_id in passed:
                raise CalibrationError(
                    f'/tf_static holds a loop: {" -> ".join([*passed, frame_id])}; each frame may '
                    'have one parent only.'
                )
            passed.append(frame_id)
        return frame_id, T_root_frame
