"""How large the values inside a graph get on real frames: sets the steps of 8-bit numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

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

SAMPLES_PER_FRAME = 4096
"""Of each tensor: enough for its distribution, whose peak is taken over all values."""

POSITIONS_PER_IMAGE = 1024
"""About as many of each channel go into its mean."""

RANGES_TRIED = 20
LARGEST = 127
"""Of an 8-bit number; -128 is not used, so that zero lies in the middle."""

SMALLEST_STEP = 1e-9

Feed = dict[str, NDArray[np.generic]]


class ChannelMeans(NamedTuple):
    """Mean of each channel of a tensor (C): as it is, and rounded to 8 bits."""

    exact: NDArray[np.float64]
    rounded: NDArray[np.float64]


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
    for image, mask in zip(images, itertools.cycle(_masks(images)), strict=False):
        yield {'images': image[None], 'available': np.array([mask])}


def masked_probes(images: Sequence[NDArray[np.uint8]]) -> Iterator[Feed]:
    """Yield inputs of the graph for all subsets: every image with every subset."""
    for image, mask in itertools.product(images, _masks(images)):
        yield {'images': image[None], 'available': np.array([mask])}


def _masks(images: Sequence[NDArray[np.uint8]]) -> list[tuple[bool, ...]]:
    every = itertools.product([True, False], repeat=len(images[0]))
    return [mask for mask in every if any(mask)]


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


def subset_probes(
    images: Sequence[NDArray[np.uint8]], served: Sequence[tuple[int, ...]]
) -> Iterator[Feed]:
    """Yield inputs of such a graph: every image with every subset that it serves."""
    for image, members in itertools.product(images, served):
        yield {'images': image[list(members)][None], 'members': np.array(members)}


def useful_ranges(
    model: onnx.ModelProto, tensors: Sequence[str], feeds: Sequence[Feed]
) -> dict[str, float]:
    """Return up to which absolute value each named float tensor is worth 8 bits.

    It is at most the largest value seen, and less where a few outliers would make the steps of all
    other values coarse: the range whose rounding has the smallest squared error.
    """
    peaks = dict.fromkeys(tensors, 0.0)
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in tensors}
    for values in _values(model, tensors, feeds):
        for name, tensor in values.items():
            magnitudes = np.abs(tensor).ravel()
            peaks[name] = max(peaks[name], float(magnitudes.max()))
            seen[name].append(magnitudes[:: _odd(magnitudes.size // SAMPLES_PER_FRAME)].copy())
    return {name: _least_error(np.concatenate(seen[name]), peaks[name]) for name in tensors}


def channel_means(
    model: onnx.ModelProto, steps: Mapping[str, float], feeds: Sequence[Feed]
) -> dict[str, ChannelMeans]:
    """Return the mean of each channel of named N x C x H x W tensors, before and after rounding.

    Args:
        model: The float graph.
        steps: Step of the 8-bit numbers that each tensor is rounded to.
        feeds: Inputs to measure on.
    """
    per_frame: dict[str, list[NDArray[np.float64]]] = {name: [] for name in steps}
    for values in _values(model, list(steps), feeds):
        for name, tensor in values.items():
            every = max(1, round(math.sqrt(tensor[0, 0].size / POSITIONS_PER_IMAGE)))
            exact = tensor[:, :, ::every, ::every]
            rounded = rounded_to(exact, steps[name])
            per_frame[name].append(
                np.stack([x.mean((0, 2, 3), dtype=np.float64) for x in (exact, rounded)])
            )
    return {name: ChannelMeans(*np.mean(found, axis=0)) for name, found in per_frame.items()}


def rounded_to(values: NDArray[np.float32], step: float) -> NDArray[np.float32]:
    """Return values as 8-bit numbers of `step` hold them."""
    narrow: NDArray[np.float32] = np.clip(np.rint(values / np.float32(step)), -LARGEST, LARGEST)
    return narrow * np.float32(step)


def _values(
    model: onnx.ModelProto, tensors: Sequence[str], feeds: Sequence[Feed]
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield the values of tensors inside a graph, per feed."""
    if not tensors:  # an empty list would ask ONNX Runtime for all outputs
        return
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    opened.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in tensors
    )
    session = onnxruntime.InferenceSession(
        opened.SerializeToString(), providers=['CPUExecutionProvider']
    )
    for feed in feeds:
        yield dict(zip(tensors, session.run(list(tensors), feed), strict=True))


def _least_error(magnitudes: NDArray[np.float32], peak: float) -> float:
    """Return the range up to `peak` that rounds these values with the smallest squared error."""
    ranges = [peak * i / RANGES_TRIED for i in range(RANGES_TRIED, RANGES_TRIED // 5, -1)]
    return min(ranges, key=lambda limit: _squared_error(magnitudes, limit))


def _squared_error(magnitudes: NDArray[np.float32], limit: float) -> float:
    step = max(limit / LARGEST, SMALLEST_STEP)
    return float(np.square(rounded_to(magnitudes, step) - magnitudes).mean())


def _odd(size: int) -> int:
    """Return a stride that meets every column of an image, whose width is even."""
    return max(1, size) | 1
