"""One scale of intensity per sensor, decided once."""

import numpy as np
import pytest

from mmseg_ros.core.types import CloudData
from mmseg_ros.projection.intensity import IntensityScale, intensity, suggested_max

RNG = np.random.default_rng(0)
BYTES = np.append(RNG.integers(0, 256, 999), 255)


def cloud(values, name='intensity', full=0.0):
    points = np.zeros(len(values), [(kind, 'f4') for kind in 'xyz'] + [(name, values.dtype)])
    points[name] = values
    return CloudData(points, 1, len(points), intensity_max=full)


@pytest.mark.parametrize('kind', ['u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8'])
@pytest.mark.parametrize('name', ['intensity', 'reflectivity', 'i'])
def test_bytes_are_bytes_in_any_type(kind, name):
    values = intensity(cloud(BYTES.astype(kind), name))
    np.testing.assert_allclose(values, BYTES / 255, atol=1e-6)


def test_photon_counts_keep_their_steps():
    counts = RNG.gamma(2.0, 250.0, 1000).astype(np.float32)
    counts[:5] = 6500
    values = intensity(cloud(counts))
    assert suggested_max(counts) == 4095
    assert np.mean(values >= 1) < 0.01
    assert len(np.unique(values)) > 0.99 * len(np.unique(counts))


def test_full_16_bits_and_fractions():
    assert suggested_max(np.array([0, 65535], np.uint16)) == 65535
    assert suggested_max(np.float32([0.2, 1.0])) == 1.0
    assert suggested_max(np.float32([0.2] * 999 + [1.001])) == 1.0
    assert suggested_max(np.float32([np.nan, np.inf])) == 1.0
    assert suggested_max(np.zeros(0, np.float32)) == 1.0


def test_the_scale_is_decided_once():
    scale = IntensityScale()
    assert scale.of(cloud(np.float32([0.0, 200.0]))) == 255
    assert scale.of(cloud(np.float32([0.0, 1.0]))) == 255  # a dark scene of the same sensor
    assert str(scale) == 'intensity 0..255 (by its values)'


def test_a_dark_first_cloud_is_put_right_by_the_first_bright_one():
    scale = IntensityScale()
    fulls = [
        scale.of(cloud(np.float32([0.0, high]))) for high in (1.0, 180.0, 1500.0, 9000.0, 1.0)
    ]
    assert fulls == [1, 255, 2047, 2047, 2047]
    assert scale.saturated == 1  # the one of 9000


def test_a_configured_scale_holds_and_saturation_is_counted():
    scale = IntensityScale(1000.0)
    full = scale.of(cloud(np.float32([0.5, 500.0, 2000.0]), 'reflectivity'))
    assert (full, scale.saturated) == (1000.0, 1)
    assert str(scale) == 'reflectivity 0..1000 (as configured)'
    values = intensity(cloud(np.float32([0.5, 500.0, 2000.0]), 'reflectivity', full))
    np.testing.assert_allclose(values, [0.0005, 0.5, 1.0])


def test_a_cloud_without_intensity_decides_nothing():
    scale = IntensityScale()
    bare = CloudData(np.zeros(2, [(kind, 'f4') for kind in 'xyz']), 1, 2)
    assert scale.of(bare) == 0
    assert str(scale) == 'no intensity'
    assert not intensity(bare).any()
