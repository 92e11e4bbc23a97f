"""How an image of one shape goes into the input of a network of another shape, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.aspects import AUTO, CROP, DEFAULT_ASPECT, LETTERBOX, STRETCH
from mmseg_ros.core.types import Plane
from mmseg_ros.projection.camera import CameraModel

STRETCH_LIMIT = 1.15
"""Up to this ratio of aspects `auto` stretches: networks do not mind, and no pixel is lost."""
_MOST = 8
"""Largest side of a scaled image over the input's: one row of pixels must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Fit:
    """An image scaled to `scaled_height` x `scaled_width`, laid centered on the network's input.

    What is smaller than the input leaves padding, what is larger is cut off.

    Attributes:
        image_height: Rows of the image. image_width: Columns of it.
        scaled_height: Rows of the scaled image. scaled_width: Columns of it.
        height: Rows of the network's input. width: Columns of it.
    """

    image_height: int
    image_width: int
    scaled_height: int
    scaled_width: int
    height: int
    width: int

    @classmethod
    def of(
        cls, image_size: tuple[int, int], input_size: tuple[int, int], aspect: str = DEFAULT_ASPECT
    ) -> Fit:
        """Return how an image fits.

        Args:
            image_size: Rows and columns of the image.
            input_size: Rows and columns of the network's input.
            aspect: One of ASPECTS. `stretch` changes the aspect, `letterbox` pads, `crop` cuts
                off; `auto` is `letterbox` where the aspects differ by more than STRETCH_LIMIT.
        """
        (rows, columns), (height, width) = image_size, input_size
        ratio = (columns * height) / (rows * width)
        if aspect == AUTO:
            aspect = LETTERBOX if max(ratio, 1 / ratio) > STRETCH_LIMIT else STRETCH
        scaled_height, scaled_width = height, width
        # A wide image keeps the width when padded, and the height when cut.
        if aspect == (LETTERBOX if ratio > 1 else CROP):
            scaled_height = min(max(round(rows * width / columns), 1), _MOST * height)
        elif aspect != STRETCH:
            scaled_width = min(max(round(columns * height / rows), 1), _MOST * width)
        return cls(rows, columns, scaled_height, scaled_width, height, width)

    @property
    def is_whole(self) -> bool:
        """Return whether the scaled image is just the input: no padding, nothing cut off."""
        return (self.scaled_height, self.scaled_width) == (self.height, self.width)

    @property
    def offset(self) -> tuple[int, int]:
        """Return row and column of the input at which the scaled image begins; may be negative."""
        return (self.height - self.scaled_height) // 2, (self.width - self.scaled_width) // 2

    @property
    def scale(self) -> tuple[float, float]:
        """Return rows and columns of the input per row and column of the image."""
        return self.scaled_height / self.image_height, self.scaled_width / self.image_width

    def camera(self, camera: CameraModel) -> CameraModel:
        """Return the camera of the network's input, given the one of the image."""
        scaled = camera.resized(self.scaled_height, self.scaled_width)
        if self.is_whole:
            return scaled
        row, column = self.offset
        return scaled.cropped(-column, -row, self.height, self.width)

    def lay(self, pixels: NDArray[Any], fill: int = 0) -> NDArray[Any]:
        """Return scaled_height x scaled_width x ... pixels on the input; padding has `fill`."""
        if self.is_whole:
            return pixels
        on_input = np.full((self.height, self.width, *pixels.shape[2:]), fill, pixels.dtype)
        on_input[self.inner] = pixels[self.kept]
        return on_input

    def lay_plane(self, plane: Plane) -> Plane:
        """Return the plane of the scaled image on the input; padding is invalid."""
        if self.is_whole:
            return plane
        return Plane(self.lay(plane.values), self.lay(plane.valid))

    def restore(
        self, pixels: NDArray[Any], fill: float, interpolation: int = cv2.INTER_NEAREST_EXACT
    ) -> NDArray[Any]:
        """Return an answer of the network at the size of the image.

        Args:
            pixels: height x width; what lies on padding is dropped.
            fill: Value of the pixels of the image that the input did not hold.
            interpolation: OpenCV flag; numbers of classes allow nearest neighbor only.
        """
        if not self.is_whole:
            scaled = np.full((self.scaled_height, self.scaled_width), fill, pixels.dtype)
            scaled[self.kept] = pixels[self.inner]
            pixels = scaled
        if pixels.shape == (self.image_height, self.image_width):
            return pixels
        size = (self.image_width, self.image_height)
        return np.asarray(cv2.resize(pixels, size, interpolation=interpolation))

    def covered(self) -> NDArray[np.bool_]:
        """Return image_height x image_width: whether the input holds the pixel of the image."""
        return self.restore(np.ones((self.height, self.width), np.uint8), 0).astype(bool)

    @property
    def inner(self) -> tuple[slice, slice]:
        """Return the part of the input that holds pixels of the image."""
        row, column = self.offset
        return (
            slice(max(row, 0), max(row, 0) + min(self.scaled_height, self.height)),
            slice(max(column, 0), max(column, 0) + min(self.scaled_width, self.width)),
        )

    @property
    def kept(self) -> tuple[slice, slice]:
        """Return the part of the scaled image that lies on the input."""
        row, column = self.offset
        return (
            slice(max(-row, 0), max(-row, 0) + min(self.scaled_height, self.height)),
            slice(max(-column, 0), max(-column, 0) + min(self.scaled_width, self.width)),
        )
