"""Augmentation: one geometric transform for all modalities and the labels, color on RGB only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_models.live_timing import LiveTiming
from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.encoding.resize import mirrored, show, show_labels
from mmseg_ros.encoding.view import Axis, View
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.fit import Fit

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Window:
    """Where an output image lies in the scaled input image, in pixels.

    Attributes:
        scale: Rows and columns of the scaled image over those of the input image.
        top: Row of the output's first row in the scaled image, negative if padding is above it.
        left: The same for columns.
        height: Output rows. width: Output columns.
        flip: Whether the output is mirrored left to right.
    """

    scale: tuple[float, float]
    top: int
    left: int
    height: int
    width: int
    flip: bool


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random scale, crop and flip of the whole frame; random color and blur of its RGB plane.

    Args:
        height: Rows of the network input. width: Columns.
        crop_height: Output rows. crop_width: Output columns.
        scale_min: Smallest size of the scaled image over the size at which it is fitted to the
            network input. scale_max: Largest such ratio.
        flip_probability: Chance of a mirrored frame.
        jitter_probability: Chance that brightness, contrast and saturation change.
        jitter_strength: They are multiplied by a factor in 1 - strength .. 1 + strength.
        blur_probability: Chance of a 3 x 3 Gaussian blur.
        ignore_id: Label of padded pixels.
        darkening_probability: Chance that RGB is multiplied by a factor in 0..1.
        live_timing: Ages and misalignments of the other planes; none unless given.
        aspect: How frames of another shape are fitted to the network input, see `Fit.of`.

    Source: training code of the DeLiVER model family; deviation: planes that are no photographs
    are scaled and mirrored as what they are.
    """

    height: int
    width: int
    crop_height: int
    crop_width: int
    scale_min: float
    scale_max: float
    flip_probability: float
    jitter_probability: float
    jitter_strength: float
    blur_probability: float
    ignore_id: int
    darkening_probability: float = 0.0
    live_timing: LiveTiming = field(default_factory=LiveTiming)
    aspect: str = DEFAULT_ASPECT

    def __call__(self, frame: LabelledFrame, rng: np.random.Generator) -> LabelledFrame:
        """Return a transformed copy of `frame`; all randomness comes from `rng`."""
        window = self._window(frame.labels.shape[0], frame.labels.shape[1], rng)
        moved = resample(self.live_timing(frame, rng), window, self.ignore_id)
        if 'rgb' not in frame.modalities:
            return moved
        rgb = moved.images[frame.modalities.index('rgb')]
        rgb[:] = self._recolor(rgb, rng)
        return moved

    def _window(self, rows: int, columns: int, rng: np.random.Generator) -> Window:
        ratio = rng.uniform(self.scale_min, self.scale_max)
        fit = Fit.of((rows, columns), (self.height, self.width), self.aspect)
        scale = ratio * fit.scaled_height / rows, ratio * fit.scaled_width / columns
        return Window(
            scale=scale,
            top=_start(round(rows * scale[0]) - self.crop_height, fit, rng),
            left=_start(round(columns * scale[1]) - self.crop_width, fit, rng),
            height=self.crop_height,
            width=self.crop_width,
            flip=bool(rng.random() < self.flip_probability),
        )

    def _recolor(self, rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        jitter, blur = rng.random(2)
        low, high = 1.0 - self.jitter_strength, 1.0 + self.jitter_strength
        brightness, contrast, saturation = rng.uniform(low, high, 3)
        if jitter < self.jitter_probability:
            rgb = color_jitter(rgb, brightness, contrast, saturation)
        if blur < self.blur_probability:
            rgb = np.asarray(cv2.GaussianBlur(rgb, (3, 3), 0), np.uint8)
        if self.darkening_probability:
            darkening, light = rng.random(2)
            if darkening < self.darkening_probability:
                rgb = darken(rgb, light)
        return rgb


def resample(frame: LabelledFrame, window: Window, ignore_id: int) -> LabelledFrame:
    """Return the part of `frame` that `window` shows, all planes and labels by the same map.

    Scaling keeps the image's borders, and nearest and linear resampling agree on where a pixel's
    center lies. How a plane is scaled and mirrored depends on its encoding (`encoding.resize`).
    Outside the input, planes are 0 and labels `ignore_id`.
    """
    above, before = max(-window.top, 0), max(-window.left, 0)
    view = _view(frame.labels.shape, window, above, before)
    encodings = frame.plane_encodings
    images = np.zeros((len(encodings), window.height, window.width, 3), np.uint8)
    for image, plane, encoding in zip(images, frame.images, encodings, strict=True):
        image[above:, before:] = show(plane, encoding, view)
    labels = np.full((window.height, window.width), ignore_id, frame.labels.dtype)
    labels[above:, before:] = show_labels(frame.labels, view, ignore_id)
    if window.flip:
        for image, encoding in zip(images, encodings, strict=True):
            image[:] = mirrored(image, encoding)
        labels = labels[:, ::-1]
    return replace(frame, images=images, labels=labels)


def _view(shape: tuple[int, ...], window: Window, above: int, before: int) -> View:
    rows, columns = (
        Axis(size, max(round(size * scale), 1), max(start, 0), max(count - padding, 0))
        for size, scale, start, count, padding in zip(
            shape,
            window.scale,
            (window.top, window.left),
            (window.height, window.width),
            (above, before),
            strict=True,
        )
    )
    return View(rows, columns)


def color_jitter(
    rgb: NDArray[np.uint8], brightness: float, contrast: float, saturation: float
) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 with the three factors applied in this order; 1 changes nothing."""
    # As Python's floats they leave the image float32; NumPy's would make it float64.
    brightness, contrast, saturation = float(brightness), float(contrast), float(saturation)
    # What depends on one value alone is computed for the 256 that there are.
    brighter = np.clip(np.arange(256, dtype=np.float32) * brightness, 0, 255)
    mean = float((_looked_up(rgb, brighter) @ GREY_WEIGHTS).mean())
    values = _looked_up(rgb, np.clip(mean + (brighter - mean) * contrast, 0, 255))
    result = np.empty(rgb.shape, np.uint8)
    _saturate(values, values @ GREY_WEIGHTS, np.float32(saturation), result)
    return result


def _looked_up(rgb: NDArray[np.uint8], table: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.LUT(rgb, table), np.float32)


@compiled
def _saturate(
    values: NDArray[np.float32],
    grey: NDArray[np.float32],
    saturation: np.float32,
    result: NDArray[np.uint8],
) -> None:
    most = np.float32(255.0)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            for k in range(3):
                value = grey[i, j] + (values[i, j, k] - grey[i, j]) * saturation
                value = min(max(value, np.float32(0.0)), most)
                result[i, j, k] = np.uint8(np.rint(value))


def darken(rgb: NDArray[np.uint8], light: float) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 with only the share `light` (0..1) of its brightness."""
    return np.asarray(np.rint(rgb * np.float32(light)).astype(np.uint8))


def _start(spare: int, fit: Fit, rng: np.random.Generator) -> int:
    """Return where the output begins along one side of a scaled image that is `spare` larger.

    Padding lies on both sides, as in deployment, where the fit has padding at all.
    """
    start = int(rng.integers(max(spare, 0) + 1))
    return start if spare >= 0 or fit.is_whole else -(-spare // 2)
