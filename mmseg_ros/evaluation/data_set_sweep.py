"""The parts of a robustness sweep over a data set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mmseg_ros.core.subsets import Subset, all_subsets
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import LabelledDataset
from mmseg_ros.evaluation.data_sets import ALL, DatasetScores, score_dataset
from mmseg_ros.evaluation.image_degradations import DegradedDataset
from mmseg_ros.evaluation.stopping import Stopped
from mmseg_ros.evaluation.sweep import (
    PROTOCOLS,
    QUICK_NOISE,
    QUICK_RATES,
    UNDISTURBED,
    ScoreProtocols,
    SweepOptions,
    chosen,
)
from mmseg_ros.evaluation.sweep_cases import Case, image_cases, not_in_images
from mmseg_ros.evaluation.sweep_parts import Part, Result, Told
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.deterministic_backend import SettledBackend
from mmseg_ros.metrics.metrics import rounded
from mmseg_ros.metrics.robustness import robustness_table

_QUICK_FRAMES = 24
_QUICK_PROTOCOL_FRAMES = 8
_NO_TIME = (
    'a data set holds aligned images of single moments: no messages that come late or seldom, no '
    'clocks and no extrinsics; sweep a bag for them'
)
_SUBSETS_WEIGHT, _PROTOCOLS_WEIGHT = 15.0, 30.0


class DataSetSweep:
    """One bundle under the faults that images of a data set can show.

    Attributes:
        cases: The faults of single sensors.
        moments: How many frames are scored.
        not_run: What cannot be run here, and why.
    """

    def __init__(
        self,
        dataset: LabelledDataset,
        held: Sequence[Modality],
        bundle: Bundle,
        backend: SettledBackend,
        sweep: SweepOptions,
        stopped: Stopped,
    ) -> None:
        """Choose the frames.

        Args:
            dataset: With the bundle's modalities.
            held: Those that it really holds.
            bundle: The network.
            backend: Has it loaded.
            sweep: How much is done.
            stopped: Asked after every frame whether to end.
        """
        self._dataset, self._held = dataset, tuple(held)
        self._bundle, self._backend = bundle, backend
        self._sweep, self._stopped = sweep, stopped
        self._places = chosen(len(dataset), sweep, _QUICK_FRAMES)
        self.cases = image_cases(held, sweep.quick)
        self.moments = len(self._places)
        self.not_run = dict.fromkeys(not_in_images(), _NO_TIME)

    def parts(self) -> list[Part]:
        """Return what there is to compute."""
        parts = [Part(UNDISTURBED, self._undisturbed, _SUBSETS_WEIGHT)]
        parts += [Part(case.name, partial(self._case, case)) for case in self.cases]
        reason = self._sweep.no_protocols
        if set(self._held) != set(self._bundle.manifest.modality_names):
            reason = 'they need every sensor of the bundle, and the data set lacks some'
        protocols = self._sweep.protocols
        if reason or protocols is None:
            self.not_run['EMM, RMM, NM'] = reason
            return parts
        return [*parts, Part(PROTOCOLS, partial(self._protocols, protocols), _PROTOCOLS_WEIGHT)]

    def _undisturbed(self, told: Told) -> Result | None:
        subsets = all_subsets(self._held)
        scores = self._scores(DegradedDataset(self._dataset, self._places), subsets, told)
        if scores is None:
            return None
        miou = {subset: scores.matrices[ALL, subset].miou() for subset in subsets}
        rows = [
            {
                'available': list(row.available),
                'missing': list(row.missing),
                'miou': rounded(row.miou),
                'retained': rounded(row.retained),
            }
            for row in robustness_table(subsets[0], miou)
        ]
        frames = scores.frames[ALL]
        return {
            'miou': rows[0]['miou'], 'frames': frames, 'subsets': rows, 'full_frames': frames
        }  # fmt: skip

    def _case(self, case: Case, told: Told) -> Result | None:
        degraded = DegradedDataset(
            self._dataset, self._places, case.sensor, case.disturbance.degradation
        )
        scores = self._scores(degraded, [self._held], told)
        if scores is None:
            return None
        miou = scores.matrices[ALL, self._held].miou()
        return {'miou': rounded(miou), 'frames': scores.frames[ALL]}

    def _scores(
        self, frames: DegradedDataset, subsets: Sequence[Subset], told: Told
    ) -> DatasetScores | None:
        """Return the scores of some frames; None where it was stopped before their end."""
        scores = score_dataset(
            self._bundle, self._backend, frames, subsets, told, stopped=self._stopped,
            aspect=self._sweep.aspect,
        )  # fmt: skip
        return scores if scores.frames.get(ALL, 0) == len(frames) else None

    def _protocols(self, protocols: ScoreProtocols, told: Told) -> Result | None:
        places, limits = self._places, {}
        if self._sweep.quick:
            few = chosen(len(places), self._sweep, _QUICK_PROTOCOL_FRAMES)
            places = [places[i] for i in few]
            limits = {'rates': QUICK_RATES, 'levels': QUICK_NOISE}
        frames = DegradedDataset(self._dataset, places)
        scores = protocols(
            self._bundle, frames, ('emm', 'rmm', 'nm'), told, **limits, stopped=self._stopped,
            aspect=self._sweep.aspect,
        )  # fmt: skip
        return {'scores': dict(scores), 'frames': len(places)} if scores else None
