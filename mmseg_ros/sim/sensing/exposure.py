"""The chip and the lens of the RGB camera: rain on the way, exposure, noise, tone curve."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmseg_ros.sim.world.mesh import FloatArray

_GREY = 0.21
_LUMINANCE = np.array([0.27, 0.67, 0.06], np.float32)


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the RGB camera turns light into pixels.

    Attributes:
        stops: Over- (+) or under-exposure (-) against the automatic one. gain: Noise gain.
        most: Largest amplification; it keeps a night dark.
        blur_samples: Views averaged over the exposure. exposure_s: Time the shutter is open.
    """

    stops: float = 0.0
    gain: float = 1.0
    most: float = 4.0
    blur_samples: int = 1
    exposure_s: float = 0.004


def camera_exposure(failure: str, gain: float, night: bool) -> Exposure:
    """Return the exposure under a sensor failure (see weather.FAILURES, or '')."""
    most = 6.0 if night else 4.0
    if failure == 'motionblur':
        return Exposure(gain=gain, most=most, blur_samples=8, exposure_s=0.09)
    if failure == 'overexposure':
        return Exposure(stops=2.3, gain=gain, most=most)
    if failure == 'underexposure':
        return Exposure(stops=-3.2, gain=gain * 2, most=most)
    return Exposure(gain=gain, most=most)


def develop(
    radiance: FloatArray, exposure: Exposure, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the H x W x 3 uint8 sRGB image of linear radiance, with the noise of the chip."""
    level = float(np.exp(np.mean(np.log(radiance[::3, ::3] @ _LUMINANCE + 0.004))))
    scale = min(_GREY / level, exposure.most) * 2.0**exposure.stops
    if exposure.gain > 4.0:
        radiance = _bloom(radiance, scale)
    noise = rng.standard_normal(radiance.shape, np.float32)
    picture = np.empty(radiance.shape, np.uint8)
    shot, read = 0.00012 * exposure.gain, (0.0018 * exposure.gain**0.5) ** 2
    _expose(radiance.ravel(), noise.ravel(), scale, shot, read, _tone_table(), picture.ravel())
    return np.asarray(cv2.GaussianBlur(picture, (3, 3), 0.45))


def _bloom(radiance: FloatArray, scale: float) -> FloatArray:
    """Return the image with the halo of bright lamps, as a wide-open lens shows them."""
    bright = np.maximum(radiance - np.float32(1.0 / scale), 0)
    small = cv2.resize(bright, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    halo = cv2.GaussianBlur(small, (0, 0), 0.012 * radiance.shape[1])
    size = (radiance.shape[1], radiance.shape[0])
    return np.asarray(radiance + np.float32(0.45) * cv2.resize(halo, size), np.float32)


def _tone_table() -> NDArray[np.uint8]:
    """Return the pixel value of light 0..4 in 4096 steps; highlights roll off, not clip."""
    light = (np.arange(4096) + 0.5) / 1024.0
    curve = np.where(light < 0.6, light, 0.6 + 0.4 * (1 - np.exp(-(light - 0.6) / 0.4)))
    return np.asarray(255 * np.clip(curve, 0, 1) ** (1 / 2.2) + 0.5, np.uint8)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _expose(
    radiance: FloatArray, noise: FloatArray, scale: float, shot: float, read: float,
    table: NDArray[np.uint8], picture: NDArray[np.uint8],
) -> None:  # fmt: skip
    for i in range(min(len(radiance), len(noise), len(picture))):
        light = radiance[i] * scale
        light += noise[i] * np.sqrt(light * shot + read)
        picture[i] = table[min(max(int(light * 1024.0), 0), 4095)]


def add_rain(radiance: FloatArray, rate: float, rng: np.random.Generator) -> FloatArray:
    """Return the radiance seen through falling rain and a few drops on the lens.

    Args:
        radiance: H x W x 3, linear.
        rate: Rain rate 0..1.3.
        rng: Source of randomness.
    """
    height, width, _ = radiance.shape
    veil = np.zeros((height, width), np.float32)
    slant = rng.normal(0.0, 0.12)
    for _ in range(int(rate * width * height / 600)):
        x, y = rng.uniform(0, width), rng.uniform(-0.1 * height, height)
        length = rng.uniform(0.02, 0.09) * height
        end = (int(x + slant * length), int(y + length))
        cv2.line(veil, (int(x), int(y)), end, float(rng.uniform(0.05, 0.28)), 1, cv2.LINE_AA)
    light = float(np.percentile(radiance[: height // 2].sum(-1), 80)) / 3
    soft = np.asarray(cv2.GaussianBlur(veil, (3, 3), 0.6), np.float32)[..., None]
    through = radiance * (1 - soft) + np.float32(1.15 * light) * soft
    return _lens_drops(np.asarray(through, np.float32), int(rng.poisson(6 * rate)), rng)


def _lens_drops(radiance: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Return the image with round blurred spots."""
    height, width, _ = radiance.shape
    mask = np.zeros((height, width), np.float32)
    for _ in range(count):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        cv2.circle(mask, centre, int(rng.uniform(0.008, 0.028) * width), 1.0, -1)
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.004 * width), np.float32)[..., None]
    blurred = cv2.GaussianBlur(radiance, (0, 0), 0.014 * width)
    return np.asarray(radiance * (1 - soft) + 1.06 * blurred * soft, np.float32)
