"""Path traced pictures: what is handed to Mitsuba, how it is found, and what comes back."""

import subprocess
from dataclasses import replace

import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import RGB
from mmseg_ros.sim.render import mitsuba_runtime
from mmseg_ros.sim.render.mitsuba_runtime import load_mitsuba, newest_llvm
from mmseg_ros.sim.render.mitsuba_scene import mean_albedo, sky_image
from mmseg_ros.sim.render.shading import Transport, reflected_directions
from mmseg_ros.sim.sequence import Drive
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture
from mmseg_ros.sim.world.weather import CONDITIONS, make_sky


@pytest.fixture
def found(monkeypatch):
    """Return a function that makes the modules and an LLVM appear to be there."""
    load_mitsuba.cache_clear()
    monkeypatch.setattr(mitsuba_runtime, 'find_spec', lambda name: object())
    monkeypatch.setenv('DRJIT_LIBLLVM_PATH', '/opt/libLLVM-99.so')
    yield
    load_mitsuba.cache_clear()


def test_albedo_is_the_mean_over_the_texture():
    table = SurfaceTable()
    table.add('Cars', (0.5, 0.0, 1.0))
    table.add('Static', (1, 1, 1), texture=Texture.STRIPES, second=(1, 0, 0))
    table.add('Building', (1, 1, 1), texture=Texture.FACADE)
    plain, stripes, facade = mean_albedo(table.array())
    assert plain == pytest.approx([0.5**2.2, 0.05, 0.85], abs=1e-4)
    assert stripes == pytest.approx([0.85, 0.5, 0.5])
    assert 0.4 < facade[0] < 0.6


@pytest.mark.parametrize('condition', CONDITIONS)
def test_sky_lights_the_ground_as_the_weather_says(condition):
    sky = make_sky(5, condition)
    image = sky_image(sky).astype(float)
    height, width, _ = image.shape
    theta = np.pi * (np.arange(height) + 0.5) / height
    weight = np.maximum(np.cos(theta), 0) * np.sin(theta)
    mean = (image * weight[:, None, None]).sum((0, 1)) / weight.sum() / width
    assert mean == pytest.approx(sky.weather.sky, rel=1e-3)
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image[-1].max() < 0.2


def test_mirrors_keep_the_angle():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(50, 3)).astype(np.float32)
    normals = rng.normal(size=(50, 3))
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    mirrored = reflected_directions(directions, normals)
    assert (mirrored * normals).sum(1) == pytest.approx(-(directions * normals).sum(1), abs=1e-5)
    assert reflected_directions(mirrored, normals) == pytest.approx(directions, abs=1e-5)


def test_picture_is_linear_in_the_traced_light(still_drive):
    drive, _ = still_drive
    eye = drive._sensors._eyes[RGB]
    T, snapshot = drive._sensors._pose(RGB, 0.06), drive.world.at(0.06)
    hits = eye.geometry(snapshot, T)
    zeros = np.zeros((len(hits.distance), 3), np.float32)

    def picture(light, mirrored):
        return eye.shade(snapshot, hits, T, Transport(zeros + light, zeros + mirrored))

    dark, bright = picture(0.0, 0.0), picture(1.0, 0.0)
    assert picture(2.0, 0.0) - dark == pytest.approx(2 * (bright - dark), abs=1e-5)
    sky = hits.surface < 0
    assert (bright[~sky] > dark[~sky]).any(1).mean() > 0.95
    assert (bright[sky] == dark[sky]).all()
    shiny = picture(1.0, 1.0) - bright
    assert (shiny >= -1e-6).all()
    assert shiny.max() > 0.05


def test_newest_llvm_is_taken(tmp_path):
    assert newest_llvm((str(tmp_path),)) == ''
    (tmp_path / 'x86_64').mkdir()
    for name in ('libLLVM-9.so', 'libLLVM-15.so.1', 'libLLVM.so.19.1', 'libLLVMCore.so'):
        (tmp_path / 'x86_64' / name).touch()
    assert newest_llvm((str(tmp_path),)).endswith('libLLVM.so.19.1')


def test_missing_library_is_named(monkeypatch):
    load_mitsuba.cache_clear()
    monkeypatch.setattr(mitsuba_runtime, 'find_spec', lambda name: None)
    with pytest.raises(ConfigError, match=r'needs mitsuba.*mmseg_ros\[mitsuba\]'):
        load_mitsuba()


def test_missing_llvm_is_named(found, monkeypatch):
    monkeypatch.delenv('DRJIT_LIBLLVM_PATH')
    monkeypatch.setattr(mitsuba_runtime, 'newest_llvm', lambda: '')
    with pytest.raises(ConfigError, match=r'found no LLVM.*libllvm19'):
        load_mitsuba()


def test_llvm_that_aborts_is_found_out_in_another_process(found, monkeypatch):
    def run(command, **options):
        assert options['env']['DRJIT_LIBLLVM_PATH'] == '/opt/libLLVM-99.so'
        return subprocess.CompletedProcess(command, -6, '', '\nLLVM ERROR: Cannot select\nmore')

    monkeypatch.setattr(mitsuba_runtime.subprocess, 'run', run)
    with pytest.raises(ConfigError, match=r'libLLVM-99.so, it says: LLVM ERROR: Cannot select'):
        load_mitsuba()


def test_unknown_renderer_is_rejected(small_config):
    with pytest.raises(ConfigError, match=r"renderer 'crayons'.*fast, mitsuba"):
        small_config(renderer='crayons')


@pytest.fixture(scope='module')
def traced(small_config):
    """Return one frame of a street in the sun, drawn fast and path traced."""
    pytest.importorskip('mitsuba')
    pytest.importorskip('pyoidn')
    load_mitsuba.cache_clear()
    config = small_config(frames=1, theme='downtown')
    drives = [Drive(2, replace(config, renderer=name)) for name in ('fast', 'mitsuba')]
    return [next(drive.frames()) for drive in drives], drives[1]


def test_only_the_picture_is_another_one(traced):
    (fast, slow), _ = traced
    assert np.array_equal(fast.labels, slow.labels)
    assert np.array_equal(fast.true_depth_m, slow.true_depth_m)
    for modality in ('depth', 'lidar', 'event'):
        a, b = fast.samples[modality].payload, slow.samples[modality].payload
        assert repr(a) == repr(b)
    a, b = (frame.picture.payload.pixels.astype(float) for frame in (fast, slow))
    assert 0.8 < b.mean() / a.mean() < 1.25
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.8
    assert np.abs(a - b).mean() > 1.0


def test_traced_picture_is_reproducible(traced):
    (_, first), drive = traced
    again = next(drive.frames()).picture.payload.pixels
    assert np.array_equal(again, first.picture.payload.pixels)


def test_open_ground_gets_the_light_of_sun_and_sky(traced):
    from mmseg_ros.sim.render.path_tracing import PathTracer, Rays
    from mmseg_ros.sim.render.raycast import World
    from mmseg_ros.sim.world.mesh import make_mesh

    table = SurfaceTable()
    ground = table.add('Ground', (0.7, 0.7, 0.7))
    square = [[-500, -500, 0], [500, -500, 0], [500, 500, 0], [-500, 500, 0]]
    mesh = make_mesh(square, [[0, 1, 2], [0, 2, 3]], ground)
    scene = replace(traced[1].scene, mesh=mesh, surfaces=table.array(), actors=())
    world, sky = World(scene), make_sky(5, 'sun')
    snapshot = world.at(0.0)
    directions = np.tile(np.array([[1, 0.2, -0.5]], np.float32), (32 * 32, 1))
    origins = np.tile(np.array([[0, 0, 2]], np.float32), (32 * 32, 1))
    rays = Rays(origins, directions, snapshot.cast(origins, directions), (32, 32))
    light = PathTracer(world, sky).trace(snapshot, rays, directions[0], 1).light.mean(0)
    expected = sky.to_sun[2] * np.array(sky.weather.sun) + np.array(sky.weather.sky)
    assert light == pytest.approx(expected, rel=0.05)
