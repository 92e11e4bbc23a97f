"""Which subsets of the sensors are scored, and how much each loses against all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.subsets import all_subsets, subset_name
from mmseg_ros.core.types import Modality

SUBSET_CHOICES = ('none', 'drops', 'all')


def subsets_to_score(modalities: Sequence[Modality], choice: str) -> list[tuple[Modality, ...]]:
    """Return the subsets of sensors to run, the full set first, then larger before smaller.

    >>> subsets_to_score(['rgb', 'lidar'], 'all')
    [('rgb', 'lidar'), ('rgb',), ('lidar',)]

    Args:
        modalities: Sensors that the network takes and the recording holds, in order.
        choice: `none` (the full set only), `drops` (and each set with one sensor missing) or
            `all` (every non-empty subset).

    Raises:
        ConfigError: `choice` is another word.
    """
    count = len(modalities)
    sizes = {
        'none': [count],
        'drops': [count, count - 1],
        'all': list(range(count, 0, -1)),
    }
    if choice not in sizes:
        raise ConfigError(
            f'Expected the subsets to be one of {", ".join(SUBSET_CHOICES)}, but got {choice!r}.'
        )
    return all_subsets(modalities, sizes[choice])


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """One line of the robustness table.

    Attributes:
        available: Sensors that were given to the network. missing: Those withheld.
        miou: Mean IoU over the data set, 0..1; NaN without truth.
        retained: `miou` divided by that of the full set; NaN where that is 0 or NaN.
    """

    available: tuple[Modality, ...]
    missing: tuple[Modality, ...]
    miou: float
    retained: float


def robustness_table(
    modalities: Sequence[Modality], miou: dict[tuple[Modality, ...], float]
) -> list[RobustnessRow]:
    """Return one row per scored subset, in the order of `miou`.

    Args:
        modalities: The full set, in order.
        miou: Mean IoU per subset; the full set must be among them.

    Raises:
        ConfigError: The full set was not scored.
    """
    full = tuple(modalities)
    if full not in miou:
        raise ConfigError(f'The full set {subset_name(full)} must be scored as the reference.')
    reference = miou[full]
    return [
        RobustnessRow(
            subset,
            tuple(name for name in full if name not in subset),
            value,
            value / reference if reference > 0 else float('nan'),
        )
        for subset, value in miou.items()
    ]
