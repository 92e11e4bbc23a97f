"""Images of chosen moments: what the sensors gave and what the node published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag import replay
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.config import EVENT_WINDOW_S, NodeConfig
from mmseg_ros.core.types import EVENT, CloudData, FrameSet
from mmseg_ros.demo.results import ALL_SENSORS, LABELS_TOPIC, POINTS_TOPIC, LabelFrame
from mmseg_ros.demo.schedule import Outage
from mmseg_ros.evaluation import pictures
from mmseg_ros.evaluation.truth import StampedTopic
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.metrics.report import Figure
from mmseg_ros.projection.align import align
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.sync.collector import Collector

_LEAD_S = 1.0
_EVENT_WINDOW_NS = round(EVENT_WINDOW_S * 1e9)


@dataclass(frozen=True, slots=True)
class Moment:
    """One published label image with what belongs to it.

    Attributes:
        frame: When, and with which sensors. frame_set: All samples of the sequence at that time.
        labels: Published H x W class ids. cloud: Published labeled cloud, None without.
    """

    frame: LabelFrame
    frame_set: FrameSet
    labels: NDArray[Any]
    cloud: CloudData | None


def chosen_frames(frames: Sequence[LabelFrame], outages: Sequence[Outage]) -> list[LabelFrame]:
    """Return a frame before the first outage and one in the middle of each.

    An outage without any label image has none.
    """
    wanted = [(ALL_SENSORS, 0.6 * outages[0].start_s)]
    wanted += [(f'no {outage.modality}', outage.middle_s) for outage in outages]
    found = []
    for situation, time_s in wanted:
        here = [frame for frame in frames if frame.situation == situation]
        found += sorted(here, key=lambda f: abs(f.elapsed_s - time_s))[:1]
    return found


def moments(
    drive: Path, recording: Path, frames: Sequence[LabelFrame], rig: Rig
) -> Iterator[Moment]:
    """Yield the chosen frames with samples and published results, in the order of the stamps."""
    with BagReader(drive) as source, BagReader(recording) as reader:
        labels, points = StampedTopic(reader, LABELS_TOPIC), StampedTopic(reader, POINTS_TOPIC)
        for frame in frames:
            index = labels.nearest(frame.stamp_ns)
            frame_set = _frame_set_at(source, frame.stamp_ns, rig)
            if index is None or frame_set is None:
                continue
            image = messages.decode_image(labels.message(index)).pixels
            near = points.nearest(frame.stamp_ns)
            cloud = None if near is None else messages.decode_cloud(points.message(near))
            yield Moment(frame, frame_set, image, cloud)


def _frame_set_at(source: BagReader, stamp_ns: int, rig: Rig) -> FrameSet | None:
    """Return the frame of the undisturbed sequence with this stamp."""
    topics = replay.sensor_topics(source)
    camera = rig.camera(EVENT)
    config = NodeConfig()
    lead_ns = round(_LEAD_S * 1e9)
    stream = replay.samples(
        source,
        topics,
        (camera.height, camera.width),
        span_ns=(stamp_ns - lead_ns, stamp_ns + lead_ns),
    )
    collector = Collector(list(topics), config.sync, config.sensors)
    sets = list(replay.frame_sets(stream, collector))
    return min(sets, key=lambda s: abs(s.stamp_ns - stamp_ns), default=None)


def moment_pictures(
    moment: Moment, rig: Rig, manifest: Manifest
) -> tuple[Mapping[str, NDArray[np.uint8]], Mapping[str, NDArray[np.uint8]]]:
    """Return (input images, result images) of a moment, each by name.

    The sensors that the network did not use show as missing. The label overlay lies on the
    camera image of the sequence even where the node was not given it.
    """
    samples = {n: s for n, s in moment.frame_set.samples.items() if n in moment.frame.available}
    given = replace(moment.frame_set, samples=samples)
    aligned, _ = align(given, rig, manifest.height, manifest.width, _EVENT_WINDOW_NS)
    space = manifest.label_space
    point_labels = None if moment.cloud is None else moment.cloud.points['label']
    results = {
        'labels': pictures.overlay_picture(moment.frame_set, moment.labels, space),
        'labeled points': pictures.labelled_cloud_picture(moment.cloud, point_labels, space),
    }
    return pictures.input_pictures(aligned, manifest.modality_names), results


def moment_figure(moment: Moment, rig: Rig, manifest: Manifest) -> Figure:
    """Return one moment as a figure of the report."""
    inputs, results = moment_pictures(moment, rig, manifest)
    frame = moment.frame
    title = f'{frame.elapsed_s:.1f} s: {frame.situation}'
    if frame.situation == 'no rgb':
        title += ' (the labels are drawn over a camera image that the node did not get)'
    if frame.situation != ALL_SENSORS:
        title += f'; the network used {", ".join(frame.available) or "nothing"}'
    legend = pictures.legend(moment.labels, manifest.label_space)
    return pictures.set_figure(title, inputs, results, legend)
