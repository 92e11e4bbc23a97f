"""The tree of frames that /tf_static and /tf messages describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.transforms import invert, pose

_STILL = 1e-4
"""Meters, and entries of a rotation, by which a fixed transform on /tf may vary."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """The step from one frame to its parent."""

    parent: str
    T_parent_child: NDArray[np.float64]
    is_static: bool


class FrameTree:
    """Collects transforms between parent and child frames; later ones win, /tf_static over /tf.

    Attributes:
        moving: Frames that /tf has moved, with their parent.
    """

    def __init__(self) -> None:
        self._edges: dict[str, _Edge] = {}
        self.moving: dict[str, str] = {}

    def add(self, msg: Any, is_static: bool = True) -> list[str]:
        """Take over the transforms of a tf2_msgs/TFMessage; a bad one costs itself alone.

        Args:
            msg: The message.
            is_static: Whether it says what holds for good (/tf_static) or for now (/tf).

        Returns:
            One sentence per transform that is impossible and was left out.
        """
        problems = []
        for item in msg.transforms:
            parent, child = _name(item.header.frame_id), _name(item.child_frame_id)
            try:
                self._take(child, _Edge(parent, _matrix(parent, child, item.transform), is_static))
            except CalibrationError as error:
                problems.append(f'{parent or "?"} -> {child or "?"} is skipped: {error}')
        return problems

    def fixed(self) -> FrameTree:
        """Return the tree without the frames that move: what holds for a whole recording."""
        tree = FrameTree()
        tree.moving = dict(self.moving)
        tree._edges = {name: e for name, e in self._edges.items() if name not in self.moving}
        return tree

    def ancestors(self, frame_id: str) -> list[str]:
        """Return a frame and its parents up to the root.

        Raises:
            CalibrationError: The transforms hold a loop.
        """
        return list(self._to_root(_name(frame_id)))

    def children(self) -> dict[str, list[str]]:
        """Return the child frames of every frame that has some, in the order they came."""
        found: dict[str, list[str]] = {}
        for child, edge in self._edges.items():
            found.setdefault(edge.parent, []).append(child)
        return found

    def frames(self) -> list[str]:
        """Return the names of all frames, sorted."""
        return sorted({*self._edges, *(edge.parent for edge in self._edges.values())})

    def lines(self) -> list[str]:
        """Return the tree as text: a frame per line below its parent; moving ones are marked."""
        children = self.children()
        for child, parent in self.moving.items():
            if child not in self._edges:
                children.setdefault(parent, []).append(child)
        below = {child for names in children.values() for child in names}
        rows: list[str] = []

        def add(name: str, depth: int) -> None:
            moves = ' (moves)' if name in self.moving else ''
            rows.append(f'{"  " * depth}{name}{moves}')
            for child in children.get(name, ()):
                add(child, depth + 1)

        for root in [name for name in children if name not in below]:
            add(root, 0)
        return rows

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

    def _take(self, child: str, edge: _Edge) -> None:
        known = self._edges.get(child)
        if known is not None and known.is_static and not edge.is_static:
            return
        if edge.is_static:
            self.moving.pop(child, None)
        elif known is not None and (
            known.parent != edge.parent
            or np.abs(known.T_parent_child - edge.T_parent_child).max() > _STILL
        ):
            self.moving[child] = edge.parent
        self._edges[child] = edge

    def _path(self, target: str, source: str) -> tuple[list[_Edge], list[_Edge]] | None:
        """Return the steps from both frames up to the first that they share."""
        ups = self._to_root(_name(source))
        downs = self._to_root(_name(target))
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


def _name(frame_id: Any) -> str:
    return str(frame_id).lstrip('/')


def _matrix(parent: str, child: str, transform: Any) -> NDArray[np.float64]:
    """Return the 4 x 4 transform.

    Raises:
        CalibrationError: A name is empty, both are the same, or a number is impossible.
    """
    if not parent or not child or parent == child:
        raise CalibrationError('it must join two frames with different names.')
    move, turn = transform.translation, transform.rotation
    T = pose([move.x, move.y, move.z], [turn.x, turn.y, turn.z, turn.w])
    if not np.isfinite(T).all():
        raise CalibrationError(f'its translation is not finite, but {T[:3, 3].tolist()}.')
    return T
