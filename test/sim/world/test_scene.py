import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.sim.world.scene import THEMES, build_scene


def test_equal_seeds_build_equal_scenes():
    a, b, c = (build_scene.__wrapped__(seed, 20.0) for seed in (4, 4, 5))
    assert a.mesh.vertices.tobytes() == b.mesh.vertices.tobytes()
    assert a.surfaces.tobytes() == b.surfaces.tobytes()
    assert a.mesh.vertices.shape != c.mesh.vertices.shape


def test_meshes_are_sound_and_themes_differ():
    seen = set()
    names = np.array(load_label_space().names)
    for theme in THEMES:
        scene = build_scene(1, 20.0, theme)
        parts = [scene.mesh, *(actor.mesh_at(0.3) for actor in scene.actors)]
        for mesh in parts:
            assert np.isfinite(mesh.vertices).all()
            assert mesh.faces.max() < len(mesh.vertices)
            assert mesh.surface.min() >= 0
            assert mesh.surface.max() < len(scene.surfaces)
            assert mesh.instance.max() < len(scene.objects)
            seen |= set(names[scene.surfaces['label'][mesh.surface]])
    assert len(seen) == 24
    assert set(names) - seen == {'Sky'}


def test_moving_objects_are_those_of_the_actors():
    scene = build_scene(1, 20.0, 'downtown')
    moving = {item.instance for item in scene.objects if item.moving}
    shown = set()
    for actor in scene.actors:
        shown |= set(actor.mesh_at(0.0).instance.tolist())
    assert shown == moving
    assert not moving & set(scene.mesh.instance.tolist())


def test_the_vehicle_stays_in_its_lane_above_the_road():
    scene = build_scene(9, 60.0, 'residential')
    for time_s in np.linspace(0, 5, 11):
        T = scene.ego.pose(time_s)[0]
        gap = scene.ego.route.distance(T[:2, 3])[0]
        assert 0.5 < gap < 4.0
        assert abs(T[2, 3] - scene.ego.land.height(*T[:2, 3])) < 0.2
        np.testing.assert_allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-9)


def test_unknown_theme_is_named():
    with pytest.raises(ConfigError, match='moon'):
        build_scene(0, 10.0, 'moon')
