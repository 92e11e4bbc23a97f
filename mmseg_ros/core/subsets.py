"""Subsets of the sensors: which there are, how they are written, and their mask."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import Modality

Subset: TypeAlias = tuple[Modality, ...]


def all_subsets(modalities: Sequence[Modality], sizes: Sequence[int] = ()) -> list[Subset]:
    """Return every non-empty subset, the full set first, then by falling size.

    >>> all_subsets(['rgb', 'lidar'])
    [('rgb', 'lidar'), ('rgb',), ('lidar',)]

    Args:
        modalities: The full set, in order.
        sizes: Only subsets with so many members, in this order; none given takes all.
    """
    wanted = sizes or range(len(modalities), 0, -1)
    return [subset for size in wanted if size > 0 for subset in combinations(modalities, size)]


def subset_name(subset: Sequence[Modality]) -> str:
    """Return how a subset is written: its modalities joined by +.

    >>> subset_name(('rgb', 'lidar')), subset_name(())
    ('rgb+lidar', 'none')
    """
    return '+'.join(subset) or 'none'


def parse_subset(text: str, modalities: Sequence[Modality]) -> Subset:
    """Return the subset written as `rgb+lidar`, in the order of `modalities`.

    Raises:
        ConfigError: A part is not one of `modalities`, or there is none.
    """
    parts = text.split('+')
    unknown = [part for part in parts if part not in modalities]
    if unknown:
        raise ConfigError(
            f'Expected a sensor subset such as {subset_name(modalities[:2])} of the modalities '
            f'{", ".join(modalities)}, but got {text!r}.'
        )
    return tuple(name for name in modalities if name in parts)


def availability(subset: Sequence[Modality], modalities: Sequence[Modality]) -> NDArray[np.bool_]:
    """Return M bool: which of `modalities` are in `subset`."""
    return np.array([name in subset for name in modalities], dtype=bool)
