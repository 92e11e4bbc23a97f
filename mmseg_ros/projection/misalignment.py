"""How far the extrinsics are off: outlines in depth are turned until they lie on image edges."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.outline_frame import OutlineFrame, turn_scores

AXES = ('pitch', 'yaw', 'roll')
"""Rotations about the optical axes x (right), y (down) and z (forward) of the camera."""
LEAST_FRAMES, LEAST_OUTLINES = 2, 150
"""Below them nothing is said."""
LEAST_CONTRAST = 1.17
"""Score of the best turn, as a multiple of the median of all turns, from which on it counts: below
it, a turn of 2 degrees in KITTI's frames gets a wrong answer instead of none."""
LEAST_FIT = 0.33
"""Share of the outlines that the best turn brings onto edges, from which on it counts."""
LEAST_CONFIDENCE, LEAST_GAIN = 0.9, 1.08
"""From which on the extrinsics surely are off."""
LARGEST_DEG = 3.0
"""A larger error is not looked for."""
_PRIOR_PER_DEG2 = np.array([0.02, 0.02, 0.02])
"""Loss of score per squared degree about each axis, as a share."""
_COARSE_DEG, _FINE_DEG = 0.25, 0.12
_DRAWS, _SEED = 200, 7
_NO_TURN = 'no turn of the extrinsics brings the outlines onto the edges of the image'
_CURVE_DEG = np.arange(-5, 6) * 0.1


@dataclass(frozen=True, slots=True)
class Misalignment:
    """What the outlines say about the extrinsics of one sensor.

    Attributes:
        rotation_deg: By how much the given extrinsics are turned about the optical axes (pitch,
            yaw, roll of the camera); 0 where it cannot be told from 0.
        sigma_deg: Standard deviation of each.
        angle_deg: Length of `rotation_deg`; None where nothing can be said.
        confidence: Share of redrawn parts of the frames that put the angle on the same side of
            the limit.
        contrast: Score of the best turn, as a multiple of the median of all.
        gain: The same as a multiple of the score of the given extrinsics.
        frames: Number of frames. outlines: Number of outlines.
        reason: Why nothing can be said, else ''.
    """

    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sigma_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    angle_deg: float | None = None
    confidence: float = 0.0
    contrast: float = 0.0
    gain: float = 1.0
    frames: int = 0
    outlines: int = 0
    reason: str = ''

    def exceeds(self, limit_deg: float) -> bool:
        """Return whether the extrinsics are surely off by more than a limit."""
        angle = self.angle_deg
        is_sure = self.confidence >= LEAST_CONFIDENCE and self.gain >= LEAST_GAIN
        return angle is not None and angle > limit_deg and is_sure

    def plain(self) -> dict[str, Any]:
        """Return plain values for metrics.json and /diagnostics."""
        return {
            'angle_deg': None if self.angle_deg is None else round(self.angle_deg, 3),
            **{
                f'{name}_deg': round(value, 3)
                for name, value in zip(AXES, self.rotation_deg, strict=True)
            },
            **{
                f'{name}_sigma_deg': round(value, 3)
                for name, value in zip(AXES, self.sigma_deg, strict=True)
            },
            'confidence': round(self.confidence, 3),
            'contrast': round(self.contrast, 3),
            'gain': round(self.gain, 3),
            'frames': self.frames,
            'outlines': self.outlines,
            'reason': self.reason,
        }

    def text(self) -> str:
        """Return it in a sentence."""
        if self.angle_deg is None:
            return self.reason
        axes = ', '.join(
            f'{name} {value:+.2f} +- {sigma:.2f}'
            for name, value, sigma in zip(AXES, self.rotation_deg, self.sigma_deg, strict=True)
        )
        return (
            f'about {self.angle_deg:.2f} deg off ({axes} deg; confidence {self.confidence:.2f}, '
            f'{self.outlines} outlines in {self.frames} frames)'
        )


class MisalignmentEstimator:
    """Gathers frames and says how far the extrinsics are off.

    Args:
        most_frames: Older frames are forgotten; 0 keeps all.
    """

    def __init__(self, most_frames: int = 0) -> None:
        self._frames: deque[tuple[OutlineFrame, NDArray[np.float64]]] = deque(
            maxlen=most_frames or None
        )

    def add(self, frame: OutlineFrame) -> None:
        """Take one frame; one without outlines says nothing and is left out."""
        if len(frame.uv):
            coarse = turn_scores(frame, _COARSE_TURNS, _COARSE_DEG).sum(axis=1)
            self._frames.append((frame, coarse))

    def estimate(self, limit_deg: float = 0.5) -> Misalignment:
        """Return what all frames together say.

        Args:
            limit_deg: Which angle the confidence is about.
        """
        frames = [frame for frame, _ in self._frames]
        outlines = sum(len(frame.uv) for frame in frames)
        counts = {'frames': len(frames), 'outlines': outlines}
        if len(frames) < LEAST_FRAMES or outlines < LEAST_OUTLINES:
            reason = (
                f'{outlines} outlines in {len(frames)} frames are too few to judge the extrinsics'
            )
            return Misalignment(**counts, reason=reason)  # type: ignore[arg-type]
        surface = np.sum([coarse for _, coarse in self._frames], axis=0)
        best = int((surface * _prior(_COARSE_TURNS)).argmax())
        middle = float(np.median(surface))
        contrast = float(surface[best]) / middle if middle else 0.0
        if contrast < LEAST_CONTRAST:
            return Misalignment(**counts, contrast=contrast, reason=_NO_TURN)  # type: ignore[arg-type]
        turn = _refined(frames, _COARSE_TURNS[best])
        given, found = (_total(frames, t) for t in (np.zeros_like(turn), turn))
        if found < LEAST_FIT * outlines:
            return Misalignment(**counts, contrast=contrast, reason=_NO_TURN)  # type: ignore[arg-type]
        turned, draws = _redrawn(frames, turn)
        gain = found / given if given else float(LEAST_GAIN)
        return _verdict(turned, draws, limit_deg, (contrast, gain), counts)


def _verdict(
    best: NDArray[np.float64],
    draws: NDArray[np.float64],
    limit_deg: float,
    stands_out: tuple[float, float],
    counts: dict[str, int],
) -> Misalignment:
    """Return the estimate of the best turn (3) and of redrawn frames (draws x 3)."""
    sigma = draws.std(axis=0)
    is_told = np.abs(best) > 2.0 * sigma
    rotation = np.where(is_told, -best, 0.0) + 0.0
    angle = float(np.linalg.norm(rotation))
    angles = np.linalg.norm(np.where(is_told, draws, 0.0), axis=1)
    agreeing = angles > limit_deg if angle > limit_deg else angles <= limit_deg
    first, second, third = (float(value) for value in rotation)
    one, two, three = (float(value) for value in sigma)
    return Misalignment(
        (first, second, third),
        (one, two, three),
        angle,
        float(agreeing.mean()),
        *stands_out,
        counts['frames'],
        counts['outlines'],
    )


def _grid(*axes: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return np.stack(np.meshgrid(*axes, indexing='ij'), -1).reshape(-1, 3).astype(np.float32)


_COARSE_AXIS = np.arange(-LARGEST_DEG, LARGEST_DEG + 0.1, 0.5)
# Roll moves outlines by a third of its angle: coarser steps find it. Without any, a roll of 2
# degrees blurs the scores of every pitch and yaw, and nothing is found.
_COARSE_TURNS = _grid(_COARSE_AXIS, _COARSE_AXIS, np.arange(-2.0, 3.0))
_ROUNDS = (
    _grid(np.arange(-2, 3) * 0.25, np.arange(-2, 3) * 0.25, np.arange(-2, 3) * 0.5),
    _grid(np.arange(-2, 3) * 0.1, np.arange(-2, 3) * 0.1, np.arange(-2, 3) * 0.2),
)
_CURVES = np.concatenate([np.eye(3)[i] * _CURVE_DEG[:, None] for i in range(3)])


def _refined(frames: list[OutlineFrame], turn: NDArray[np.float32]) -> NDArray[np.float32]:
    for steps in _ROUNDS:
        turns = turn + steps
        scores = np.sum([turn_scores(f, turns, _FINE_DEG).sum(axis=1) for f in frames], axis=0)
        turn = turns[int((scores * _prior(turns)).argmax())]
    return turn


def _total(frames: list[OutlineFrame], turn: NDArray[np.float32]) -> float:
    return float(sum(turn_scores(frame, turn[None], _FINE_DEG).sum() for frame in frames))


def _prior(turns: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how likely turns are beforehand: where outlines say little, small ones."""
    return np.asarray(1.0 - (turns.astype(np.float64) ** 2) @ _PRIOR_PER_DEG2)


def _redrawn(
    frames: list[OutlineFrame], turn: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the best turn (3), and those of parts of the frames drawn with replacement."""
    turns = (turn + _CURVES).astype(np.float32)
    parts = np.concatenate([turn_scores(f, turns, _FINE_DEG) for f in frames], axis=1)
    parts = parts[:, parts.any(axis=0)]
    count = parts.shape[1]
    drawn = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), _DRAWS)
    curves = np.concatenate([parts.sum(axis=1)[:, None], parts @ drawn.T], axis=1)
    peaks = turn.astype(np.float64) + np.stack([_peak(c) for c in np.split(curves, 3)], axis=1)
    return peaks[0], peaks[1:]


def _peak(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where each column of the scores at `_CURVE_DEG` is highest, between the samples."""
    at = np.clip(curves.argmax(axis=0), 1, len(_CURVE_DEG) - 2)
    column = np.arange(curves.shape[1])
    left, middle, right = (curves[at + i, column] for i in (-1, 0, 1))
    bend = left - 2 * middle + right
    with np.errstate(divide='ignore', invalid='ignore'):
        shift = np.where(bend < 0, 0.5 * (left - right) / bend, 0.0)
    step = _CURVE_DEG[1] - _CURVE_DEG[0]
    return np.asarray(_CURVE_DEG[at] + np.clip(shift, -1, 1) * step)
