"""Channel statistics of a data set, for the normalization inside the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import FrameSource


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean and standard deviation of the three channels, of pixel values scaled to 0..1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ConfigError(
                f'Expected three means and three positive deviations, but got {self}.'
            )

    @classmethod
    def of_lists(cls, mean: Sequence[float], std: Sequence[float]) -> ChannelStatistics:
        """Return statistics from lists, as YAML and JSON hold them.

        Raises:
            ConfigError: There are not three of each, or a deviation is not positive.
        """
        return cls(tuple(mean), tuple(std))  # type: ignore[arg-type]  # checked on construction


IMAGENET = ChannelStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
MIN_STD = 1.0 / 255.0


def statistics(
    frames: FrameSource,
    fixed: Mapping[Modality, ChannelStatistics],
    max_frames: int = 400,
) -> dict[Modality, ChannelStatistics]:
    """Return the statistics of every modality of `frames`, in their order.

    RGB has ImageNet's, so that pretrained encoders see what they know; a modality in `fixed` has
    those; the others are measured over all pixels, measured or not, of at most `max_frames`
    evenly spaced frames. A constant channel gets one gray level as deviation.
    """
    known = {'rgb': IMAGENET, **fixed}
    if all(name in known for name in frames.modalities):
        return {name: known[name] for name in frames.modalities}
    measured = _measure(frames, max_frames)
    return {name: known.get(name, measured[name]) for name in frames.modalities}


def _measure(frames: FrameSource, max_frames: int) -> dict[Modality, ChannelStatistics]:
    count = min(len(frames), max_frames)
    chosen = np.linspace(0, len(frames) - 1, count).astype(int)
    moments = np.zeros((2, len(frames.modalities), 3))
    for index in chosen:
        values = frames[int(index)].images / 255.0
        moments += np.stack([values.mean(axis=(1, 2)), np.square(values).mean(axis=(1, 2))])
    mean, square = moments / count
    std = np.sqrt(np.maximum(square - mean**2, MIN_STD**2))
    return {
        name: ChannelStatistics(_triple(mean[i]), _triple(std[i]))
        for i, name in enumerate(frames.modalities)
    }


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 6) for value in values)
    return first, second, third
