"""A robustness sweep: one bundle, one source, one sensor fault after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.errors import EvaluationError
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.evaluation.sweep_cases import Case
from mmseg_ros.evaluation.sweep_parts import Result
from mmseg_ros.metrics.metrics import rounded

UNDISTURBED = 'undisturbed'
PROTOCOLS = 'protocols'
QUICK_RATES: tuple[float, ...] = (0.5,)
QUICK_NOISE: tuple[str, ...] = ('mid',)
GIVEN, EMM, RMM, NM = 'given', 'EMM', 'RMM', 'NM'
WHOLE_SET = 'all'

Row = dict[str, Any]
ScoreProtocols = Callable[..., Mapping[str, Any]]
"""`mmseg_models.protocol_scores.score_protocols`, handed in: it needs torch, and this does not."""


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How much a sweep does.

    Attributes:
        quick: One strength per fault, and few moments.
        every: Score every n-th moment of a full sweep.
        protocols: Scores EMM, RMM and NM; None leaves them out.
        no_protocols: Why they are left out.
        aspect: What becomes of images of another shape than the network's, see `Fit.of`.
    """

    quick: bool = False
    every: int = 1
    protocols: ScoreProtocols | None = None
    no_protocols: str = ''
    aspect: str = DEFAULT_ASPECT


def chosen(count: int, options: SweepOptions, quick_count: int) -> list[int]:
    """Return the places of the moments of a sweep, evenly spread.

    Args:
        count: How many there are.
        options: Of the sweep.
        quick_count: How many of them a quick sweep takes at most.
    """
    if not options.quick:
        return list(range(0, count, options.every))
    wanted = min(count, quick_count)
    return [(2 * i + 1) * count // (2 * wanted) for i in range(wanted)]


def sweep_rows(cases: Sequence[Case], results: Mapping[str, Result]) -> list[Row]:
    """Return one row per fault, level and sensor that was computed.

    Args:
        cases: The faults of single sensors.
        results: Of the parts, by name; some may lack where a sweep was stopped.

    Returns:
        Rows of `fault`, `level`, `sensor` (WHOLE_SET where it concerns all), `frames`, `miou`
        (0..1), `kept` (share of the mIoU without the fault, 0 where no frame came out), `detail`
        (one set of several missing sensors; '' where the row is a cell of the matrix) and
        `problem` (why nothing was scored).

    Raises:
        EvaluationError: The undisturbed source could not be scored.
    """
    clean = results.get(UNDISTURBED, {})
    if clean.get('fault') or not clean.get('miou'):
        raise EvaluationError(
            'Without any fault nothing was scored, so that no share of it can be kept: '
            + str(clean.get('fault') or 'no frame has ground truth and a right label.')
        )
    rows = [
        _row(GIVEN, subset_name(row['available']), WHOLE_SET, clean['full_frames'], row['miou'],
             row['retained'])
        for row in clean['subsets']
    ]  # fmt: skip
    for case in cases:
        if case.name in results:
            rows.append(_case_row(case, results[case.name], clean['miou']))
    return rows + _protocol_rows(results.get(PROTOCOLS, {}))


def _case_row(case: Case, result: Result, reference: float) -> Row:
    miou = result.get('miou')
    row = _row(case.fault, case.level, case.sensor, result.get('frames', 0), miou, None)
    if result.get('fault'):
        return row | {'problem': result['fault']}
    lost = not result['frames']
    return row | {'kept': 0.0 if lost else _share(miou, reference)}


def _protocol_rows(result: Result) -> list[Row]:
    """Return the rows of EMM, RMM and NM; a set of one missing sensor stands in its column."""
    if not result or result.get('fault'):
        return []
    scores, frames = result['scores'], result['frames']
    full = scores['emm']['missing']['none']
    tables = [(EMM, '', scores['emm'])]
    tables += [(RMM, f'r = {rate}', table) for rate, table in scores['rmm'].items()]
    rows = []
    for protocol, level, table in tables:
        for missing, value in table['missing'].items():
            one = '+' not in missing and missing != 'none'
            row = _percent_row(protocol, level, missing if one else WHOLE_SET, frames, value, full)
            rows.append(row | {'detail': '' if one else f'missing: {missing}'})
        mean = table['average']
        rows.append(_percent_row(protocol, level, WHOLE_SET, frames, mean, full))
    return rows + [
        _percent_row(NM, level, WHOLE_SET, frames, value, full)
        for level, value in scores['nm'].items()
    ]


def _percent_row(
    fault: str, level: str, sensor: str, frames: int, percent: float, full: float
) -> Row:
    return _row(fault, level, sensor, frames, percent / 100, _share(percent, full))


def _row(
    fault: str, level: str, sensor: str, frames: int, miou: float | None, kept: float | None
) -> Row:
    miou = None if miou is None else rounded(miou)
    return {
        'fault': fault, 'level': level, 'sensor': sensor, 'frames': frames, 'miou': miou,
        'kept': kept, 'detail': '', 'problem': '',
    }  # fmt: skip


def _share(value: float | None, reference: float | None) -> float | None:
    """Return value / reference to six digits; None where one is unknown or the latter is 0."""
    return None if value is None or not reference else rounded(value / reference)
