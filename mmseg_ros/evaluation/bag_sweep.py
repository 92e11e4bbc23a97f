"""The parts of a robustness sweep over a recording."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.errors import EvaluationError
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.datasets.frame import FrameList, LabelledFrame
from mmseg_ros.evaluation.bags import evaluate_with
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.evaluation.replayed import replayed, topics_of
from mmseg_ros.evaluation.scoring import resize_labels
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
from mmseg_ros.evaluation.sweep_cases import Case, bag_cases
from mmseg_ros.evaluation.sweep_parts import Part, Result, Told
from mmseg_ros.evaluation.truth import Truth
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.deterministic_backend import SettledBackend
from mmseg_ros.projection.fit import Fit
from mmseg_ros.sync import health

_QUICK_MOMENTS = 12
_QUICK_PROTOCOL_FRAMES = 4
_PROTOCOL_FRAMES = 50
_QUICK_SPAN_S = 8.0
_SUBSETS_WEIGHT, _PROTOCOLS_WEIGHT = 5.0, 8.0


class BagSweep:
    """One bundle under the faults of one recording's sensors.

    Attributes:
        cases: The faults of single sensors.
        moments: How many moments with ground truth are scored.
        not_run: What cannot be run here, and why.
    """

    def __init__(
        self,
        bag: Path,
        bundle: Bundle,
        backend: SettledBackend,
        options: EvaluationOptions,
        sweep: SweepOptions,
        stopped: Stopped,
    ) -> None:
        """Look what the recording holds.

        Args:
            bag: The recording.
            bundle: The network.
            backend: Has it loaded.
            options: How it is scored.
            sweep: How much is done.
            stopped: Asked after every frame whether to end.

        Raises:
            BagError: The bag cannot be read or holds no sensor that the bundle takes.
            EvaluationError: It holds no true label image.
        """
        self._bag, self._bundle, self._backend = bag, bundle, backend
        self._sweep, self._stopped = sweep, stopped
        with BagReader(bag) as reader:
            topics = topics_of(reader, bundle, options.sensors)
            span_ns = _span(reader, sweep)
        stamps = _true_stamps(bag, options, topics, span_ns)
        places = chosen(len(stamps), sweep, _QUICK_MOMENTS)
        moments = frozenset(stamps[i] for i in places)
        self._options = replace(options, figures=0, moments=moments, every=1, span_ns=span_ns)
        self.cases = bag_cases(topics, sweep.quick)
        self.moments = len(moments)
        self.not_run: dict[str, str] = {}
        self._absent = [name for name in bundle.manifest.modality_names if name not in topics]

    def parts(self) -> list[Part]:
        """Return what there is to compute."""
        parts = [Part(UNDISTURBED, self._undisturbed, _SUBSETS_WEIGHT)]
        parts += [Part(case.name, partial(self._case, case)) for case in self.cases]
        reason = self._sweep.no_protocols
        if self._absent:
            reason = f'they need every sensor of the bundle; there is no {", ".join(self._absent)}'
        protocols = self._sweep.protocols
        if reason or protocols is None:
            self.not_run['EMM, RMM, NM'] = reason
            return parts
        return [*parts, Part(PROTOCOLS, partial(self._protocols, protocols), _PROTOCOLS_WEIGHT)]

    def _undisturbed(self, told: Told) -> Result | None:
        metrics = self._metrics(replace(self._options, subsets='all'), told)
        if metrics is None:
            return None
        full = metrics['withheld'][0]['sets'] if metrics['withheld'] else 0
        return _scores(metrics) | {'subsets': metrics['robustness'], 'full_frames': full}

    def _case(self, case: Case, told: Told) -> Result | None:
        options = replace(self._options, subsets='none', disturbance=case.disturbance)
        metrics = self._metrics(options, told)
        return None if metrics is None else _scores(metrics)

    def _metrics(self, options: EvaluationOptions, told: Told) -> dict[str, Any] | None:
        with _health_unsaid():
            evaluation = evaluate_with(
                self._backend, self._bag, self._bundle, options, told, self._stopped
            )
        return None if 'interrupted' in evaluation.metrics else evaluation.metrics

    def _protocols(self, protocols: ScoreProtocols, told: Told) -> Result | None:
        frames = self._full_frames()
        if not frames:
            raise EvaluationError('No frame holds all sensors and a true label image.')
        limits = {'rates': QUICK_RATES, 'levels': QUICK_NOISE} if self._sweep.quick else {}
        names = self._bundle.manifest.modality_names
        scores = protocols(
            self._bundle, FrameList(names, frames), ('emm', 'rmm', 'nm'), told, **limits,
            stopped=self._stopped,
        )  # fmt: skip
        return {'scores': dict(scores), 'frames': len(frames)} if scores else None

    def _full_frames(self) -> list[LabelledFrame]:
        """Return some frames with all sensors and a true label image, as the network sees them."""
        with replayed(self._backend, self._bag, self._bundle, self._options) as opened:
            frames = []
            for _, frame_set in opened.run.frames():
                truth = opened.truth.label_image(frame_set.stamp_ns)
                if truth is None or len(frame_set.samples) < len(frame_set.modalities):
                    continue
                prepared = opened.pipeline.prepare(frame_set)
                if prepared.available.all():
                    frames.append(
                        LabelledFrame(
                            str(frame_set.stamp_ns),
                            self._bundle.manifest.modality_names,
                            prepared.images,
                            self._on_input(truth),
                        )
                    )
        limit = _QUICK_PROTOCOL_FRAMES if self._sweep.quick else _PROTOCOL_FRAMES
        places = chosen(len(frames), SweepOptions(quick=True), limit)
        return [frames[i] for i in places]

    def _on_input(self, truth: NDArray[Any]) -> NDArray[np.uint8]:
        """Return true labels laid on the network's input as the images are."""
        manifest = self._bundle.manifest
        size = truth.shape[0], truth.shape[1]
        fit = Fit.of(size, (manifest.height, manifest.width), self._sweep.aspect)
        scaled = resize_labels(truth, fit.scaled_height, fit.scaled_width)
        return np.asarray(fit.lay(scaled, manifest.label_space.ignore_id))


@contextmanager
def _health_unsaid() -> Iterator[None]:
    """Keep the log free of late and lost sensors: here they are what was asked for."""
    log = logging.getLogger(health.__name__)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _scores(metrics: dict[str, Any]) -> Result:
    total = metrics['recorded'][0]
    return {'miou': total['miou'], 'frames': total['sets']}


def _span(reader: BagReader, sweep: SweepOptions) -> tuple[int | None, int | None]:
    """Return the stretch that is read: the middle of the recording in a quick sweep."""
    if not sweep.quick or reader.duration_s <= _QUICK_SPAN_S:
        return None, None
    length_ns = round(_QUICK_SPAN_S * 1e9)
    start_ns = (reader.start_ns + reader.end_ns - length_ns) // 2
    return start_ns, start_ns + length_ns


def _true_stamps(
    bag: Path,
    options: EvaluationOptions,
    topics: dict[Modality, str],
    span_ns: tuple[int | None, int | None],
) -> list[int]:
    truth = Truth(bag, replace(options.labels, camera_topic=topics.get(RGB, '')))
    try:
        stamps = [int(stamp) for stamp in truth.labels.stamps_ns]
    finally:
        truth.close()
    if span_ns[0] is not None and span_ns[1] is not None:
        stamps = [stamp for stamp in stamps if span_ns[0] <= stamp < span_ns[1]]
    if not stamps:
        raise EvaluationError(
            f'{bag} holds no true label image, which a robustness sweep compares with; --labels '
            'names your own ground truth.'
        )
    return stamps
