"""The radius where a lens model folds."""

import math

import numpy as np
import pytest

from mmseg_ros.projection.distortion import EQUIDISTANT, RATIONAL, fold_radius_squared


def test_fold_of_a_cubic_lens_is_where_its_slope_vanishes():
    D = np.array([-0.3, 0, 0, 0, 0, 0, 0, 0.0])
    assert fold_radius_squared(RATIONAL, D) == pytest.approx(1 / 0.9)


def test_pole_of_a_rational_lens_is_a_fold():
    D = np.array([0, 0, 0, 0, 0, -0.25, 0, 0.0])
    assert fold_radius_squared(RATIONAL, D) <= 4.0


def test_growing_lenses_have_no_fold():
    assert math.isinf(fold_radius_squared(RATIONAL, np.array([0.1, 0, 0, 0, 0, 0, 0, 0.0])))
    assert math.isinf(fold_radius_squared(EQUIDISTANT, np.array([0.1, 0, 0, 0, 0, 0, 0, 0.0])))


def test_a_tiny_coefficient_does_not_hide_the_fold():
    D = np.array([0, 0.125, 0, 0, 1e-26, 0, 0, 0.0078125])
    plain = np.array([0, 0.125, 0, 0, 0, 0, 0, 0.0078125])
    fold = fold_radius_squared(RATIONAL, D)
    assert fold == pytest.approx(fold_radius_squared(RATIONAL, plain))
    s = np.linspace(0, fold, 1000)
    distorted = np.sqrt(s) * (1 + 0.125 * s**2) / (1 + 0.0078125 * s**3)
    assert (np.diff(distorted) > 0).all()
