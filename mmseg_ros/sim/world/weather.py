"""Conditions (cloud, fog, night, rain, sun), and the names of the sensor failures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError

FAILURES: tuple[str, ...] = (
    'motionblur',
    'overexposure',
    'underexposure',
    'lidarjitter',
    'eventlowres',
)
"""DeLiVER's sensor failures."""


@dataclass(frozen=True, slots=True)
class Weather:
    """One condition.

    Light is linear; 1 is what a white wall sends back in full sun.

    Attributes:
        name: One of CONDITIONS.
        sun: Sunlight, RGB. sky: Light of the sky from above, RGB.
        horizon: Color of the sky at the horizon.
        zenith: Sky color overhead. clouds: Cloud cover 0..1.
        extinction_per_m: Of light and laser in the air. wetness: 0 dry, 1 wet road.
        rain: Rain rate 0..1. lamps: Brightness of street lamps and head lights.
        gain: Sensor gain, hence noise, of the cameras.
    """

    name: str
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    horizon: tuple[float, float, float]
    zenith: tuple[float, float, float]
    clouds: float
    extinction_per_m: float
    wetness: float = 0.0
    rain: float = 0.0
    lamps: float = 0.0
    gain: float = 1.0


_WEATHER: dict[str, Weather] = {
    'sun': Weather('sun', (0.95, 0.88, 0.74), (0.22, 0.27, 0.36), (0.72, 0.80, 0.90),
                   (0.16, 0.33, 0.68), 0.35, 0.0004),
    'cloud': Weather('cloud', (0.10, 0.10, 0.095), (0.46, 0.48, 0.51), (0.74, 0.77, 0.80),
                     (0.50, 0.54, 0.60), 1.0, 0.001),
    'fog': Weather('fog', (0.03, 0.03, 0.03), (0.50, 0.51, 0.52), (0.70, 0.71, 0.72),
                   (0.66, 0.67, 0.69), 1.0, 0.035),
    'rain': Weather('rain', (0.02, 0.02, 0.02), (0.30, 0.32, 0.35), (0.46, 0.49, 0.53),
                    (0.28, 0.31, 0.36), 1.0, 0.006, wetness=1.0, rain=1.0, lamps=0.12, gain=1.6),
    'night': Weather('night', (0.004, 0.005, 0.008), (0.010, 0.012, 0.020), (0.022, 0.022, 0.030),
                     (0.004, 0.005, 0.012), 0.6, 0.001, lamps=1.0, gain=9.0),
}  # fmt: skip
CONDITIONS: tuple[str, ...] = tuple(sorted(_WEATHER))


@dataclass(frozen=True, slots=True)
class Sky:
    """The light of one scene: a condition with its own sun position and strength.

    Attributes:
        weather: The condition. to_sun: Unit vector towards the sun (or moon), world frame.
        seed: Of the clouds.
    """

    weather: Weather
    to_sun: NDArray[np.float32]
    seed: int

    def parameters(self) -> NDArray[np.float32]:
        """Return the float32 vector that the shader reads (the places stand in shading.py)."""
        w = self.weather
        return np.array(
            [*self.to_sun, *w.sun, *w.sky, *w.horizon, *w.zenith,
             w.clouds, w.extinction_per_m, w.wetness, w.lamps, self.seed % 97],
            np.float32,
        )  # fmt: skip


def make_sky(seed: int, condition: str) -> Sky:
    """Return the sky of a seed under a condition.

    Raises:
        ConfigError: There is no such condition.
    """
    if condition not in _WEATHER:
        raise ConfigError(
            f'There is no condition {condition!r}; there are: {", ".join(CONDITIONS)}.'
        )
    rng = np.random.default_rng([seed, 11])
    weather = _vary(rng, _WEATHER[condition])
    azimuth = rng.uniform(0, 2 * np.pi)
    elevation = np.deg2rad(_sun_elevation_deg(rng))
    weather = _at_hour(weather, float(np.sin(elevation)))
    to_sun = [
        np.cos(azimuth) * np.cos(elevation),
        np.sin(azimuth) * np.cos(elevation),
        np.sin(elevation),
    ]
    return Sky(weather, np.array(to_sun, np.float32), seed)


def _sun_elevation_deg(rng: np.random.Generator) -> float:
    """Return the height of the sun: mornings and evenings as often as noon."""
    return float(rng.uniform(7.0, 24.0) if rng.random() < 0.3 else rng.uniform(24.0, 64.0))


def _at_hour(weather: Weather, height: float) -> Weather:
    """Return the weather with the light of a low sun: weaker, warmer, under a warm horizon."""
    low = max(0.0, 1.0 - height / 0.4)
    if max(weather.sun) < 0.5 or low == 0.0:
        return weather
    red, green, blue = weather.sun
    sun = (red * (1 - 0.25 * low), green * (1 - 0.45 * low), blue * (1 - 0.7 * low))
    r, g, b = weather.horizon
    horizon = (r * (1 + 0.1 * low), g * (1 - 0.1 * low), b * (1 - 0.3 * low))
    return replace(weather, sun=sun, horizon=horizon)


def _vary(rng: np.random.Generator, weather: Weather) -> Weather:
    """Make no two fogs, rains and suns equal."""
    strength = float(rng.uniform(0.75, 1.25))
    warmth = float(rng.uniform(-0.06, 0.06))
    # Nights reach from dusk and the glow of a city to a dark road.
    air = float(np.exp(rng.uniform(-0.7, 1.3) if weather.lamps == 1.0 else rng.uniform(-0.2, 0.2)))
    red, green, blue = weather.sun
    return Weather(
        weather.name,
        (red * strength * (1 + warmth), green * strength, blue * strength * (1 - warmth)),
        _times(weather.sky, air), _times(weather.horizon, air), _times(weather.zenith, air),
        float(np.clip(weather.clouds * rng.uniform(0.6, 1.5), 0, 1)),
        weather.extinction_per_m * float(rng.uniform(0.5, 1.7)),
        weather.wetness,
        weather.rain * float(rng.uniform(0.5, 1.3)),
        weather.lamps * float(rng.uniform(0.7, 1.2)),
        weather.gain * float(rng.uniform(0.6, 1.3)),
    )  # fmt: skip


def _times(color: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    red, green, blue = color
    return red * factor, green * factor, blue * factor
