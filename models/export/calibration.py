"""How large the values inside a graph get on real frames: sets the steps of 8-bit numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from mmseg_ros.datasets.frame import FrameSource
from mmseg_ros.encoding.resize import fitted_images
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.projection.fit import Fit

FRAMES = 32
"""Spread over the whole data set, so that every condition is among them."""

Feed = dict[str, NDArray[np.generic]]


def calibration_images(frames: FrameSource, manifest: Manifest) -> list[NDArray[np.uint8]]:
    """Return M x H x W x 3 uint8 images of frames spread evenly over a data set.

    Args:
        frames: The data set, whose modalities are those of the bundle.
        manifest: Size of the network's input.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, FRAMES).astype(int))
    return [
        fitted_images(frame.images, frame.plane_encodings, _fit(frame.images, manifest))
        for frame in (frames[int(i)] for i in chosen)
    ]


def _fit(images: NDArray[np.uint8], manifest: Manifest) -> Fit:
    rows, columns = images.shape[1:3]
    return Fit.of((rows, columns), (manifest.height, manifest.width))


def masked_feeds(images: Sequence[NDArray[np.uint8]]) -> Iterator[Feed]:
    """Yield inputs of the graph for all subsets, with the subsets of the modalities in turn."""
    total = len(images[0])
    masks = [mask for mask in itertools.product([True, False], repeat=total) if any(mask)]
    for image, mask in zip(images, itertools.cycle(masks), strict=False):
        yield {'images': image[None], 'available': np.array([mask])}


def subset_feeds(
    images: Sequence[NDArray[np.uint8]], served: Sequence[tuple[int, ...]]
) -> Iterator[Feed]:
    """Yield inputs of a graph that computes some modalities, with those it serves in turn.

    Args:
        images: Frames with all modalities.
        served: Indices of the modalities, per subset.
    """
    for image, members in zip(images, itertools.cycle(served), strict=False):
        yield {'images': image[list(members)][None], 'members': np.array(members)}


def largest_magnitudes(
    model: onnx.ModelProto, tensors: Sequence[str], feeds: Iterable[Feed]
) -> dict[str, float]:
    """Return the largest absolute value of each named float tensor over all `feeds`."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    opened.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in tensors
    )
    session = onnxruntime.InferenceSession(
        opened.SerializeToString(), providers=['CPUExecutionProvider']
    )
    found = dict.fromkeys(tensors, 0.0)
    for feed in feeds:
        for name, values in zip(tensors, session.run(list(tensors), feed), strict=True):
            found[name] = max(found[name], float(np.abs(values).max()))
    return found
