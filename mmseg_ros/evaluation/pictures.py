"""What went in and what came out of one frame, as images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import RGB, AlignedFrame, CloudData, FrameSet, ImageData, Modality
from mmseg_ros.labelling.colors import colorize, overlay
from mmseg_ros.metrics.figures import picture
from mmseg_ros.metrics.html import Html, escaped, readable
from mmseg_ros.metrics.pictures import cloud_picture, plane_picture
from mmseg_ros.metrics.report import Figure

_PHOTOGRAPHS = (RGB, 'labels', 'truth')
_UNLABELED_POINT = (208, 212, 218)


def input_pictures(
    aligned: AlignedFrame, modalities: tuple[Modality, ...]
) -> dict[Modality, NDArray[np.uint8]]:
    """Return one H x W x 3 image per modality; a missing one is a gray field that says so."""
    return {
        name: plane_picture(name, aligned.planes[name])
        if name in aligned.planes
        else missing_picture(aligned.height, aligned.width, f'no {name}')
        for name in modalities
    }


def missing_picture(height: int, width: int, text: str) -> NDArray[np.uint8]:
    """Return a gray H x W x 3 field with a text in its middle."""
    field = np.full((height, width, 3), 226, np.uint8)
    text = readable(text, 40).encode('ascii', 'replace').decode()
    scale = width / 400
    (length, rise), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    place = ((width - length) // 2, (height + rise) // 2)
    cv2.putText(field, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (150, 60, 40), 2, cv2.LINE_AA)
    return field


def overlay_picture(
    frame_set: FrameSet, labels: NDArray[Any], label_space: LabelSpace
) -> NDArray[np.uint8]:
    """Return the camera image under the label colors; the colors alone without a camera."""
    sample = frame_set.samples.get(RGB)
    if sample is None or not isinstance(sample.payload, ImageData):
        return colorize(labels, label_space)
    return overlay(sample.payload.pixels, labels, label_space, alpha=0.55)


def labelled_cloud_picture(
    cloud: CloudData | None, labels: NDArray[Any] | None, label_space: LabelSpace
) -> NDArray[np.uint8]:
    """Return a cloud in the colors of its labels; points without a label are gray.

    Args:
        cloud: N points in the LiDAR frame; None draws a field that says so.
        labels: N class ids.
        label_space: Names the colors.
    """
    if cloud is None or labels is None:
        return missing_picture(480, 900, 'no labeled points')
    colors = label_space.palette()[labels]
    colors[labels == label_space.ignore_id] = _UNLABELED_POINT
    return cloud_picture(cloud.xyz(), colors)


def legend(labels: NDArray[Any], label_space: LabelSpace) -> Html:
    """Return HTML with color and name of every class in a label image, most frequent first."""
    ids, counts = np.unique(labels[labels != label_space.ignore_id], return_counts=True)
    entries = []
    for i in ids[np.argsort(-counts, kind='stable')]:
        label = label_space.classes[int(i)]
        red, green, blue = label.color
        entries.append(
            f'<i style="background:rgb({red},{green},{blue})"></i>{escaped(label.name)}'
        )
    spans = ' '.join(f'<span>{entry}</span>' for entry in entries)
    return Html(f'<p class="legend">{spans}</p>')


def set_figure(
    title: str,
    inputs: Mapping[Modality, NDArray[np.uint8]],
    outputs: Mapping[str, NDArray[np.uint8]],
    legend_html: Html,
) -> Figure:
    """Return one frame's images as a figure of a report.

    Args:
        title: When and in what situation.
        inputs: Image per modality.
        outputs: Image per kind of result.
        legend_html: Names of the colors.
    """
    tiles = [
        (name, picture(image, f'{name}, {title}', lossy=name in _PHOTOGRAPHS))
        for name, image in {**inputs, **outputs}.items()
    ]
    return Figure([*tiles, ('classes', legend_html)], title)
