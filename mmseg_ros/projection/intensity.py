"""What counts as full intensity of a LiDAR: one scale per sensor, decided once and named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import CloudData
from mmseg_ros.projection.compiled import compiled

INTENSITY_FIELDS = ('intensity', 'reflectivity', 'reflectance', 'i')
_BYTE = 255.0
_BITS = range(8, 17)
_PROBES = 4096
_SHARE = 0.995


def intensity_field(cloud: CloudData) -> str | None:
    """Return the name of the field that holds a cloud's intensity, None without one."""
    names = cloud.points.dtype.names or ()
    dtype = cloud.points.dtype
    return next(
        (name for name in INTENSITY_FIELDS if name in names and not dtype[name].shape), None
    )


def intensity(cloud: CloudData) -> NDArray[np.float32]:
    """Return N float32 intensities in 0..1; zeros for a cloud without an intensity field.

    Values are divided by `intensity_max` of the cloud, or by what its own values suggest.
    """
    name = intensity_field(cloud)
    if name is None:
        return np.zeros(len(cloud.points), np.float32)
    raw = cloud.points[name]
    values = raw.astype(np.float32)
    _to_unit(values, np.float32(cloud.intensity_max or suggested_max(raw)))
    return values


def suggested_max(raw: NDArray[Any]) -> float:
    """Return the value that counts as full for one cloud's values.

    Bytes reach to 255. Others are taken by their values, whatever their type could hold (drivers
    put bytes into wider integers): floats that stay below 1 are 0..1, what stays below 255 is a
    byte, and all else (photon counts) reaches to the next power of two minus one above all but
    the brightest 0.5 %.
    """
    if raw.dtype == np.uint8:
        return _BYTE
    values = raw[:: max(1, len(raw) // _PROBES)].astype(np.float64)
    values = values[np.isfinite(values)]
    high = float(np.quantile(values, _SHARE)) if len(values) else 0.0
    # Rounding lets a sensor of 0..1 exceed 1 a little; a byte of 2 in the dark is rarer.
    if raw.dtype.kind == 'f' and high <= 1.0 and values.max(initial=0.0) < 2.0:
        return 1.0
    return next((2.0**bits - 1 for bits in _BITS if high <= 2.0**bits - 1), high)


@dataclass(slots=True)
class IntensityScale:
    """The scale of one sensor.

    It is decided by the first cloud. Only one of a wider kind changes it after that: a dark first
    cloud (nothing above 1 of 255, or of photon counts) cannot show what is full.

    Attributes:
        configured: Value that counts as full; 0 decides by the clouds.
        full: Value in use; 0 before the first cloud.
        saturated: Points above it so far.
        name: Field that holds the values.
    """

    configured: float = 0.0
    full: float = field(default=0.0, init=False)
    saturated: int = field(default=0, init=False)
    name: str = field(default='', init=False)

    def of(self, cloud: CloudData) -> float:
        """Return the value that counts as full in a cloud, 0 for one without intensity."""
        name = intensity_field(cloud)
        if name is None or not len(cloud.points):
            return 0.0
        raw, self.name = cloud.points[name], name
        self.full = self.configured or _wider(self.full, suggested_max(raw))
        self.saturated += int(np.count_nonzero(raw > self.full))
        return self.full

    def __str__(self) -> str:
        origin = 'as configured' if self.configured else 'by its values'
        return f'{self.name} 0..{self.full:g} ({origin})' if self.name else 'no intensity'


def _wider(full: float, suggested: float) -> float:
    return suggested if suggested > full and full <= _BYTE else full


@compiled
def _to_unit(values: NDArray[np.float32], full: np.float32) -> None:
    """Bring intensities to 0..1; what is not finite becomes 0."""
    one = np.float32(1.0)
    for i in range(len(values)):
        finite = abs(values[i]) < np.float32(np.inf)
        value = values[i] / full if finite else np.float32(0.0)
        values[i] = min(max(value, np.float32(0.0)), one)
