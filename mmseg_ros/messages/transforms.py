"""The tree of frames that /tf_static and /tf messages describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.transforms import invert, pose


@dataclass(frozen=True, slots=True)
class _Edge:
    """The step from one frame to its parent."""

    parent: str
    T_parent_child: NDArray[np.float64]
    is_static: bool


class FrameTree:
    """Collects transforms between parent and child frames; later ones win."""

    def __init__(self) -> None:
        self._edges: dict[str, _Edge] = {}

    def add(self, msg: Any, is_static: bool = True) -> list[str]:
        """Take over the transforms of a tf2_msgs/TFMessage.

        Args:
            msg: The message.
            is_static: Whether it says what holds for good (/tf_static) or for now (/tf).

        Returns:
            One sentence per transform that is impossible and was left out.
        """
        problems = []
        for item in msg.transforms:
            move, turn = item.transform.translation, item.transform.rotation
            parent = str(item.header.frame_id).lstrip('/')
            child = str(item.child_frame_id).lstrip('/')
            try:
                matrix = pose([move.x, move.y, move.z], [turn.x, turn.y, turn.z, turn.w])
                if not np.isfinite(matrix).all():
                    raise CalibrationError('The translation is not finite.')
                self._edges[child] = _Edge(parent, matrix, is_static)
            except CalibrationError as error:
                problems.append(f'{parent} -> {child} is left out: {error}')
        return problems

    def frames(self) -> list[str]:
        """Return the names of all frames, sorted."""
        return sorted({*self._edges, *(edge.parent for edge in self._edges.values())})

    def T(self, target: str, source: str) -> NDArray[np.float64] | None:  # noqa: N802
        """Return the 4 x 4 transform from frame `source` into frame `target`; None if unjoined.

        Raises:
            CalibrationError: The transforms hold a loop.
        """
        path = self._path(target, source)
        if path is None:
            return None
        up, down = path
        return invert(self._product(down)) @ self._product(up)

    def is_static(self, target: str, source: str) -> bool | None:
        """Return whether the transform between two frames stays as it is; None if unjoined.

        A loop counts as unjoined.
        """
        try:
            path = self._path(target, source)
        except CalibrationError:
            return None
        return None if path is None else all(edge.is_static for part in path for edge in part)

    def _path(self, target: str, source: str) -> tuple[list[_Edge], list[_Edge]] | None:
        """Return the steps from both frames up to the first that they share."""
        ups = self._to_root(source.lstrip('/'))
        downs = self._to_root(target.lstrip('/'))
        shared = next((frame for frame in ups if frame in downs), None)
        return None if shared is None else (ups[shared], downs[shared])

    def _to_root(self, frame_id: str) -> dict[str, list[_Edge]]:
        """Return all frames above one, from itself on, with the steps that lead to each."""
        steps: dict[str, list[_Edge]] = {frame_id: []}
        while frame_id in self._edges:
            edge = self._edges[frame_id]
            if edge.parent in steps:
                raise CalibrationError(
                    f'The transforms hold a loop: {" -> ".join([*steps, edge.parent])}; each '
                    'frame may have one parent only.'
                )
            steps[edge.parent] = [*steps[frame_id], edge]
            frame_id = edge.parent
        return steps

    @staticmethod
    def _product(edges: list[_Edge]) -> NDArray[np.float64]:
        T_top_bottom = np.eye(4)
        for edge in edges:
            T_top_bottom = edge.T_parent_child @ T_top_bottom
        return T_top_bottom
