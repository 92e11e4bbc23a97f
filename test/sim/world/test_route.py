import numpy as np
import pytest

from mmseg_ros.sim.world.route import STEP_M, make_land, make_route, route_from_curvature


def test_circle_closes():
    radius = 40.0
    steps = round(2 * np.pi * radius / STEP_M)
    route = route_from_curvature((0, 0), 0.0, np.full(steps, 2 * np.pi / (steps * STEP_M)))
    assert np.linalg.norm(route.xy[-1]) < 1e-6
    x, y, heading = route.at(route.length_m / 4, 0.0)
    assert heading == pytest.approx(np.pi / 2, abs=0.02)
    assert (x, y) == pytest.approx((radius, radius), abs=0.5)


def test_left_is_positive_and_the_ends_run_on_straight():
    route = route_from_curvature((0, 0), 0.0, np.zeros(20))
    x, y, _ = route.at([-5.0, 3.0, 15.0], [0.0, 2.0, -1.0])
    np.testing.assert_allclose(x, [-5, 3, 15])
    np.testing.assert_allclose(y, [0, 2, -1])


def test_routes_are_straight_at_crossings_and_do_not_turn_back():
    for seed in range(6):
        route = make_route(np.random.default_rng(seed), 400.0, [120.0], 1.0)
        near = np.abs(np.arange(len(route.heading)) * STEP_M - 120.0) < 24
        assert np.ptp(route.heading[near]) < 1e-9
        assert np.abs(route.heading).max() < np.deg2rad(140)


def test_land_is_gentle():
    land = make_land(np.random.default_rng(0), 3.0)
    x = np.linspace(0, 500, 1001)
    slope = np.abs(np.diff(land.height(x, 0 * x)) / 0.5)
    assert slope.max() < 0.15
