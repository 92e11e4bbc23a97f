"""What the node published during the demo, scored against the truth of the sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import CloudData, Modality
from mmseg_ros.demo.schedule import Outage
from mmseg_ros.evaluation.scoring import resize_labels
from mmseg_ros.evaluation.truth import Truth
from mmseg_ros.metrics.metrics import ConfusionMatrix

CLOCK_TOPIC = '/clock'
LABELS_TOPIC = '/mmseg/labels'
POINTS_TOPIC = '/mmseg/points'
MODALITIES_TOPIC = '/mmseg/modalities'
DIAGNOSTICS_TOPIC = '/diagnostics'
RECORDED_TOPICS = (
    CLOCK_TOPIC,
    LABELS_TOPIC,
    POINTS_TOPIC,
    MODALITIES_TOPIC,
    DIAGNOSTICS_TOPIC,
)
ALL_SENSORS = 'all sensors'


@dataclass(frozen=True, slots=True)
class LabelFrame:
    """One published label image.

    Attributes:
        elapsed_s: Header stamp, seconds after the start of the sequence.
        stamp_ns: Header stamp.
        latency_ms: From the time at which its header stamp was played to its receipt.
        situation: `all sensors` or `no <sensor>`, by the schedule of the outages.
        available: Sensors that the network used.
        pixels: Confusion of its pixels.
        points: Confusion of the labeled points with the same stamp; empty where there were none.
    """

    elapsed_s: float
    stamp_ns: int
    latency_ms: float
    situation: str
    available: tuple[Modality, ...]
    pixels: ConfusionMatrix
    points: ConfusionMatrix


@dataclass(frozen=True, slots=True)
class SituationScore:
    """The frames of one situation together.

    Attributes:
        name: The situation. seconds: How long it lasted, in the sequence.
        frames: Published label images. rate_hz: Label images per second of the clock on the wall.
        longest_gap_s: Longest stretch of the sequence without one.
        miou: Data-set mIoU. point_accuracy: Share of right labels among labeled points.
        latency_ms: Median latency.
    """

    name: str
    seconds: float
    frames: int
    rate_hz: float
    longest_gap_s: float
    miou: float
    point_accuracy: float
    latency_ms: float


def situation_at(elapsed_s: float, outages: Sequence[Outage]) -> str:
    """Return the name of the situation at a time of the sequence."""
    for outage in outages:
        if outage.start_s <= elapsed_s < outage.stop_s:
            return f'no {outage.modality}'
    return ALL_SENSORS


def read_frames(
    drive: Path, recording: Path, outages: Sequence[Outage], label_space: LabelSpace
) -> list[LabelFrame]:
    """Return every published label image with its score, in the order of the stamps.

    Raises:
        BagError: One of the bags cannot be read.
    """
    truth = Truth(drive)
    with BagReader(recording) as reader, BagReader(drive) as source:
        scorer = _FrameScorer(reader, truth, label_space, source.start_ns, outages)
        frames = [
            scorer.frame(stamp, message) for _, stamp, message in reader.messages([LABELS_TOPIC])
        ]
    truth.close()
    return sorted(frames, key=lambda frame: frame.stamp_ns)


class _FrameScorer:
    def __init__(
        self,
        reader: BagReader,
        truth: Truth,
        label_space: LabelSpace,
        start_ns: int,
        outages: Sequence[Outage],
    ) -> None:
        self._truth = truth
        self._space = label_space
        self._start_ns = start_ns
        self._outages = outages
        self._received_ns, self._clock_ns = clock_of(reader)
        self._available = _availability(reader)
        self._points = _point_confusions(reader, truth, label_space)

    def frame(self, received_ns: int, message: Any) -> LabelFrame:
        stamp_ns = messages.stamp_ns(message.header)
        labels = messages.decode_image(message).pixels
        pixels = self._empty()
        image = self._truth.label_image(stamp_ns)
        if image is not None:
            pixels.update(resize_labels(labels, image.shape[0], image.shape[1]), image)
        elapsed_s = (stamp_ns - self._start_ns) / 1e9
        return LabelFrame(
            elapsed_s,
            stamp_ns,
            self._latency_ms(received_ns, stamp_ns),
            situation_at(elapsed_s, self._outages),
            self._available.get(stamp_ns, ()),
            pixels,
            self._points.get(stamp_ns, self._empty()),
        )

    def _latency_ms(self, received_ns: int, stamp_ns: int) -> float:
        if len(self._received_ns) < 2:
            return float('nan')
        # Relative to the start first: a float64 holds nanoseconds since 1970 only to 256 ns.
        played_ns = np.interp(
            stamp_ns - self._clock_ns[0],
            (self._clock_ns - self._clock_ns[0]).astype(np.float64),
            (self._received_ns - self._received_ns[0]).astype(np.float64),
        )
        return (float(received_ns - self._received_ns[0]) - float(played_ns)) / 1e6

    def _empty(self) -> ConfusionMatrix:
        return ConfusionMatrix(self._space.num_classes, self._space.ignore_id)


def clock_of(reader: BagReader) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (time of receipt, replay time) in ns of the recorded /clock, both ascending."""
    pairs = [
        (received_ns, message.clock.sec * 1_000_000_000 + message.clock.nanosec)
        for _, received_ns, message in reader.messages([CLOCK_TOPIC])
    ]
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], np.maximum.accumulate(table[:, 1])


def _availability(reader: BagReader) -> dict[int, tuple[Modality, ...]]:
    found = {}
    for _, _, message in reader.messages([MODALITIES_TOPIC]):
        used = tuple(
            status.name
            for status in message.status
            if any(v.key == 'available' and v.value == 'true' for v in status.values)
        )
        found[messages.stamp_ns(message.header)] = used
    return found


def _point_confusions(
    reader: BagReader, truth: Truth, label_space: LabelSpace
) -> dict[int, ConfusionMatrix]:
    found = {}
    for _, _, message in reader.messages([POINTS_TOPIC]):
        stamp_ns = messages.stamp_ns(message.header)
        published, true_cloud = messages.decode_cloud(message), truth.cloud(stamp_ns)
        matrix = ConfusionMatrix(label_space.num_classes, label_space.ignore_id)
        if true_cloud is not None and _same_points(published, true_cloud):
            labels = published.points['label']
            seen = labels != label_space.ignore_id
            matrix.update(labels[seen], true_cloud.points['label'][seen])
            found[stamp_ns] = matrix
    return found


def _same_points(first: CloudData, second: CloudData) -> bool:
    return len(first.points) == len(second.points) and np.array_equal(
        first.xyz(), second.xyz(), equal_nan=True
    )


def summarize(
    frames: Sequence[LabelFrame],
    outages: Sequence[Outage],
    duration_s: float,
    speed: float = 1.0,
) -> list[SituationScore]:
    """Return one line per situation, `all sensors` first.

    Args:
        frames: Published label images.
        outages: Which sensor was silent when.
        duration_s: Length of the sequence.
        speed: Seconds of it that were played per second.
    """
    spans = [(f'no {o.modality}', [(o.start_s, o.stop_s)]) for o in outages]
    edges = [0.0, *(edge for o in outages for edge in (o.start_s, o.stop_s)), duration_s]
    between = list(zip(edges[::2], edges[1::2], strict=True))
    return [
        _situation_score(name, times, [f for f in frames if f.situation == name], speed)
        for name, times in [(ALL_SENSORS, between), *spans]
    ]


def _situation_score(
    name: str, times: Sequence[tuple[float, float]], frames: Sequence[LabelFrame], speed: float
) -> SituationScore:
    seconds = sum(stop - start for start, stop in times)
    pixels, points = total(frames)
    gaps = [
        float(
            np.diff(
                [start, *(f.elapsed_s for f in frames if start <= f.elapsed_s < stop), stop]
            ).max()
        )
        for start, stop in times
    ]
    latencies = [f.latency_ms for f in frames]
    return SituationScore(
        name=name,
        seconds=seconds,
        frames=len(frames),
        rate_hz=len(frames) / seconds * speed,
        longest_gap_s=max(gaps),
        miou=float('nan') if pixels is None else pixels.miou(),
        point_accuracy=float('nan') if points is None else points.accuracy(),
        latency_ms=float(np.median(latencies)) if latencies else float('nan'),
    )


def total(
    frames: Sequence[LabelFrame],
) -> tuple[ConfusionMatrix | None, ConfusionMatrix | None]:
    """Return the summed confusions (pixels, points) of frames; None without any frame."""
    sums: list[ConfusionMatrix | None] = [None, None]
    for frame in frames:
        for i, matrix in enumerate((frame.pixels, frame.points)):
            if sums[i] is None:
                sums[i] = ConfusionMatrix(matrix.num_classes, matrix.ignore_id)
            sums[i].merge(matrix)  # type: ignore[union-attr]
    return sums[0], sums[1]
