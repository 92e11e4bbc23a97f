import numpy as np
import pytest

from mmseg_ros.projection.transforms import rotation
from mmseg_ros.sim.world import mesh


def _volume(solid):
    a, b, c = (solid.vertices[solid.faces[:, k]].astype(float) for k in range(3))
    return float(np.einsum('ij,ij->i', a, np.cross(b, c)).sum() / 6)


def test_solids_are_closed_and_look_outward():
    assert _volume(mesh.box((1, 2, 3), (5, 5, 5), 0)) == pytest.approx(6.0, rel=1e-5)
    cylinder = _volume(mesh.tube((0.5, 0.5), (0, 2), 0, sides=64))
    assert cylinder == pytest.approx(np.pi * 0.5, rel=0.01)


def test_rod_joins_its_ends():
    rod = mesh.rod((1, 2, 3), (4, 6, 3), 0.1, 0)
    assert np.abs(rod.vertices.mean(0) - (2.5, 4, 3)).max() < 0.02
    assert _volume(rod) == pytest.approx(5 * np.pi * 0.01, rel=0.3)


def test_texture_stays_with_a_placed_object_and_moves_with_a_part():
    part = mesh.box((1, 1, 1), (0, 0, 0), 0)
    T = mesh.pose(10, 0, 0)
    np.testing.assert_array_equal(part.transformed(T).texture, part.vertices)
    np.testing.assert_array_equal(part.shaped(T).texture, part.vertices + np.float32([10, 0, 0]))


def test_merge_keeps_surfaces_and_instances_and_shifts_faces():
    a = mesh.box((1, 1, 1), (0, 0, 0), 3).of_instance(7)
    b = mesh.box((1, 1, 1), (9, 0, 0), 4)
    both = mesh.merge([a, b])
    assert set(both.surface[:12]) == {3}
    assert set(both.instance[:12]) == {7}
    assert set(both.instance[12:]) == {-1}
    assert both.vertices[both.faces[12:]][..., 0].min() > 8
    assert len(mesh.merge([]).faces) == 0


def test_rotation_about_a_point_keeps_the_point():
    T = rotation('y', 0.7, (1, 2, 3))
    np.testing.assert_allclose(T @ [1, 2, 3, 1], [1, 2, 3, 1])
    forward = rotation('z', np.pi / 2)[:3, :3] @ [1, 0, 0]
    np.testing.assert_allclose(forward, [0, 1, 0], atol=1e-12)
