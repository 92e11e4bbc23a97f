"""Compiled loops that write where their input says: never outside, whatever the input."""

import numpy as np
import pytest

from mmseg_ros.encoding import pooling, surface_angles
from mmseg_ros.labelling import objects, points
from mmseg_ros.messages import event_codecs as codecs
from mmseg_ros.projection import (
    cloud_ahead,
    event_tensors,
    events,
    lidar,
    occlusion,
    splat,
    surroundings,
)

MARGIN = 4096
EXTREMES = np.array([0, 1, -1, 7, 8, 2**31 - 1, -(2**31), 2**62, -(2**63), 2**63 - 1])
FLOATS = np.array([0.0, -0.5, 7.5, 1e-30, 1e30, -1e300, np.nan, np.inf, -np.inf, 3.0])
CAMERA = np.array([0, 8, 6, 5, 5, 3.5, 2.5, np.inf, *[0.0] * 8])


class Guarded:
    """Hands out arrays with guard bytes on both sides."""

    def __init__(self):
        self._held = []

    def array(self, shape, dtype, value=0):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        whole = np.full(size + 2 * MARGIN, 0xA5, np.uint8)
        inner = whole[MARGIN : MARGIN + size].view(dtype).reshape(shape)
        inner[...] = value
        self._held.append(whole)
        return inner

    def assert_intact(self):
        for whole in self._held:
            assert (whole[:MARGIN] == 0xA5).all()
            assert (whole[-MARGIN:] == 0xA5).all()


def numbers(rng, n, kind, values=EXTREMES):
    """Ordinary or extreme values, in no order."""
    return rng.choice(values, n).astype(kind) if n else np.zeros(0, kind)


def accumulate(rng, n, out):
    areas = numbers(rng, 6 * 8 * 4, np.int32, np.array([0, 3, 8, 6, -5, 99, 2**31 - 1]))
    x, y = numbers(rng, n, np.int64), numbers(rng, n, np.int64)
    start_ns, end_ns = (int(v) for v in rng.choice([0, 10, 2**62, -(2**62)], 2))
    plane = out.array((6, 8, 7), np.float32)
    events._accumulate(
        x, y, rng.random(n) < 0.5, numbers(rng, n, np.int64), start_ns, end_ns,
        areas.reshape(6, 8, 4), plane,
    )  # fmt: skip


def voxels(rng, n, out):
    x, y = numbers(rng, n, np.int64), numbers(rng, n, np.int64)
    grid, spill = out.array((5, 6, 8), np.float32), out.array(48, np.float32)
    stamps, polarity = numbers(rng, n, np.int64), rng.random(n) < 0.5
    lowest, spill_bin = [(0, 5), (0, 2), (2, 5)][rng.integers(3)]
    event_tensors._fill_voxels(x, y, stamps, polarity, 5, 1e-3, grid, lowest, spill_bin, spill)
    surface = out.array((2, 6, 8), np.float32)
    event_tensors._fill_surface(x, y, stamps, polarity, 5, -1e-3, surface)


def depth_pixels(rng, n, out):
    z, u, v = (numbers(rng, n, np.float64, FLOATS) for _ in range(3))
    half_u, half_v = (np.abs(numbers(rng, n, np.float64, FLOATS)) for _ in range(2))
    near, places = z.astype(np.float32), numbers(rng, splat.NUMBERS * n, np.int32)
    pixels = np.where(rng.random(n) < 0.5, -2, numbers(rng, n, np.int32)).astype(np.int32)
    splat.put_pixels(pixels, near, out.array(48, np.float32, np.inf))
    image = out.array((6, 8), np.float32, np.inf)
    splat.put_areas(pixels, places.reshape(splat.NUMBERS, n) % 11, near, image)
    scratch = out.array((2, n), np.float64), out.array(n, np.float32)
    rows = out.array((splat.NUMBERS, n), np.int32)
    sizes = half_u.astype(np.float32), half_v.astype(np.float32)
    splat.put_row(u, v, z, near, sizes, *scratch, rows, CAMERA, image)


def clouds(rng, n, out):
    xyz = numbers(rng, 3 * n, np.float64, FLOATS).astype(np.float32).reshape(n, 3)
    T = np.eye(4)[:3].copy()
    z_buffer, owner = out.array((6, 8), np.float32, np.inf), out.array((6, 8), np.int32)
    x, y, far = out.array(n, np.float64), out.array(n, np.float64), out.array(n, np.float32)
    points = out.array(n, np.int64)
    found = cloud_ahead._find(np.ascontiguousarray(xyz.T), T, CAMERA, x, y, far, points)
    assert 0 <= found <= n
    u, v = out.array(n, np.int32), out.array(n, np.int32)
    near, index = out.array(n, np.float32), out.array(n, np.int64)
    x, y = numbers(rng, n, np.float64, FLOATS), numbers(rng, n, np.float64, FLOATS)
    lidar._project(x, y, far, points, CAMERA, z_buffer, u, v, near, index)
    lidar._own(x, y, far, points, CAMERA, z_buffer, owner)
    visible = out.array(n, np.bool_)
    places = rng.integers(0, 6, n).astype(np.int32)
    lidar._mark_visible(places, places, near, numbers(rng, n, np.int64), z_buffer, 1.0, visible)


def hidden(rng, n, out):
    u, v = numbers(rng, n, np.int32), numbers(rng, n, np.int32)
    index, visible = numbers(rng, n, np.int64), out.array(max(n, 1), np.bool_, True)
    near = out.array((10, 12), np.float32, np.inf)
    meters = numbers(rng, n, np.float64, FLOATS).astype(np.float32)
    measured = rng.random((6, 8)) < 0.5
    depth_m = numbers(rng, 48, np.float64, FLOATS).astype(np.float32).reshape(6, 8)
    met = surroundings._deviations(u, v, meters, depth_m, measured, out.array(n, np.float32))
    assert 0 <= met <= n
    surroundings._take_measured(depth_m.view(np.int32), measured, near, 2)
    occlusion._fill_nearest(u, v, meters, index, visible, measured, near, 2)
    steps, circle = surroundings._steps(2), surroundings._circle(2, 8)
    occlusion._hide(
        u, v, meters, index, near, np.ones((6, 8), bool), 9.0, np.zeros(3, np.float32),
        steps, circle, 2, occlusion._widest_open(), np.ones((1, 2), bool), visible,
    )  # fmt: skip
    occlusion._mark_changed(
        u, v, index, rng.random(len(visible)) < 0.5, visible, measured, 24,
        out.array((1, 2), np.bool_),
    )  # fmt: skip


def regions(rng, n, out):
    shape = [(0, 0), (1, n), (n, 1), (n // 7 + 1, 7)][rng.integers(4)]
    classes = numbers(rng, int(np.prod(shape)), np.int32).reshape(shape)
    parents, areas = out.array(classes.size, np.int32), out.array(classes.size, np.int64)
    objects._join(classes, parents)
    objects._count(parents, areas)
    assert areas.sum() == classes.size


def pooled(rng, n, out):
    image = rng.integers(0, 256, (6, 8, rng.choice([1, 3, 4])), np.uint8)
    rows, columns = rng.integers(0, 6, n), rng.integers(0, 8, n)
    pooling.take_nearest(image, rows, columns, out.array((n, n, image.shape[2]), np.uint8))
    sparse = rng.integers(0, 256, (6, 8, 3), np.uint8) * (rng.random((6, 8, 1)) < 0.5)
    down, across = numbers(rng, 6, np.int32), numbers(rng, 8, np.int32)
    pooling.pool_largest(sparse.astype(np.uint8), down, across, out.array((4, 5, 3), np.uint8))
    pooling.pool_signed(sparse.astype(np.uint8), down, across, out.array((4, 5, 3), np.uint8, 128))
    rows, columns = (numbers(rng, 2 * k, np.int32).reshape(2, k) for k in (4, 5))
    middles = numbers(rng, 9, np.float32, FLOATS)
    gaps = out.array((4, 5, 3), np.uint8)
    pooling.fill_from_cells(sparse.astype(np.uint8), rows, columns, middles, gaps)
    goals = numbers(rng, n, np.int32).view(np.uint32)
    surface_angles._average(sparse.astype(np.uint8), rows, goals, gaps)
    top, left = (int(value) for value in rng.choice(EXTREMES, 2))
    pooling.scatter_points(
        rng.choice([0, 0x010205, 0x0102FF], (6, 8)).astype(np.uint32), out.array((6, 8), np.uint8),
        top, left, numbers(rng, n, np.int32), numbers(rng, n, np.int32),
        out.array((4, 5, 3), np.uint8), out.array((6, 7), np.uint16),
    )  # fmt: skip


def labeled(rng, n, out):
    labels = rng.integers(0, 256, (6, 8)).astype(rng.choice([np.uint8, np.uint16]))
    u, v, index = (numbers(rng, n, kind) for kind in (np.int32, np.int32, np.int64))
    found = out.array(max(n, 1), labels.dtype), out.array(max(n, 1), np.float32)
    visible = rng.random(max(n, 1)) < 0.5
    points._transfer(labels, labels.astype(np.uint8), u, v, index, visible, *found)
    table, ids = rng.integers(0, 2**32, 256, np.uint32), numbers(rng, n, np.int64)
    points._look_up(table, ids, out.array(n, np.uint32))
    wide = rng.integers(0, 2**16, (n, 11)).astype(np.uint16)
    halves = np.array([(min(k, 10), 0xFFFF) for k in range(12)], np.uint16)
    added, merged = rng.integers(0, 2**32, (3, n), np.uint32), out.array((n, 9), np.uint32)
    for begins_alike in (True, False):
        points._join(wide, halves, begins_alike, added, merged.view(np.uint16), merged)
        np.testing.assert_array_equal(merged.view(np.uint16)[:, :11], wide)
        np.testing.assert_array_equal(merged[:, 6:].T, added)


def codec(rng, n, out):
    words = rng.integers(0, 2**16, 4 * n).astype(np.uint16)
    for decode, kind in (
        (codecs.decode_evt3, np.uint16),
        (codecs.decode_libcaer_compressed, np.uint16),
        (codecs.decode_evt2, np.uint32),
    ):
        room = int(rng.integers(0, n + 1))  # less than the words hold
        columns = [out.array(room, t) for t in (np.uint16, np.uint16, np.int64, np.bool_)]
        assert decode(words.view(kind), np.zeros(codecs.STATE_SIZE, np.int64), *columns) <= room


def event_camera(rng, n, out):
    from mmseg_ros.sim.sensing.events import _cross

    before, after, reference = (
        numbers(rng, 48, np.float32, FLOATS).reshape(6, 8) for _ in range(3)
    )
    last = numbers(rng, 48, np.float64, FLOATS).reshape(6, 8)
    threshold = rng.choice([0.0, 1e-30, 0.2, np.nan], (6, 8)).astype(np.float32)
    columns = [out.array(n, kind) for kind in (np.uint16, np.uint16, np.float64, np.bool_)]
    _cross(before, after, 0.0, 0.1, threshold, 1e-3, reference, last, *columns)


def picture(rng, n, out):
    from mmseg_ros.sim.sensing.exposure import _expose

    table = np.arange(4096).astype(np.uint8)
    light, noise = (numbers(rng, n, np.float32, FLOATS) for _ in range(2))
    _expose(light, noise[: n // 2 + 1], 2.0, 0.1, 0.1, table, out.array(n, np.uint8))


def rendered(rng, n, out):
    pytest.importorskip('embreex')
    from mmseg_ros.sim.render import camera, raycast, shading
    from mmseg_ros.sim.world.surfaces import Texture

    def floats(*shape):
        return numbers(rng, int(np.prod(shape)), np.float32, FLOATS).reshape(shape)

    surface, instance = (numbers(rng, n, np.int32) for _ in range(2))
    camera._mark_edges(surface, instance, floats(n), 8, out.array(n, np.bool_))
    camera._rotate(floats(3, 3), floats(n, 3), out.array((n, 3), np.float32))
    index = numbers(rng, n, np.intp)
    shifted = out.array((2 * n, 3), np.float32)
    camera._shift_rays(floats(48, 3), index, floats(2, 2), 6, 8, shifted)
    found = [out.array(n, np.float32, np.inf), out.array(n, np.int32), out.array(n, np.int32)]
    found += [out.array((n, 3), np.float32) for _ in range(3)]
    raycast._resolve(
        numbers(rng, n, np.int32), floats(n), floats(n), floats(n), floats(n, 3), floats(n, 3),
        np.zeros(4, np.int32), np.zeros(4, np.int32), floats(4, 3, 3), *found,
    )  # fmt: skip
    points, lit = out.array((n, 3), np.float32), out.array(n, np.bool_)
    shading._points(floats(n), floats(3), floats(n, 3), floats(n, 3), floats(3), points, lit)
    shading._fill_sky(floats(n, 3), floats(20), out.array((n, 3), np.float32))
    kinds = rng.choice([int(k) for k in Texture], 4).astype(np.int32)
    shading._shade(
        surface, floats(n), floats(n, 3), floats(n, 3), floats(n, 3), points, lit, floats(n, 3),
        floats(3), floats(3), kinds, floats(4, 3), floats(4, 3), floats(4), floats(4), floats(4),
        floats(20), floats(2, 3), 1e-3, floats(0, 3), floats(0, 3), out.array((n, 3), np.float32),
    )  # fmt: skip


FEEDS = [
    accumulate, voxels, depth_pixels, clouds, hidden, regions, pooled, labeled, codec,
    event_camera, picture, rendered,
]  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize('n', [0, 1, 2, 300])
@pytest.mark.parametrize('feed', FEEDS)
def test_no_input_makes_a_loop_write_outside(feed, n):
    rng = np.random.default_rng(n)
    for _ in range(30):
        out = Guarded()
        with np.errstate(all='ignore'):
            feed(rng, n, out)
        out.assert_intact()


@pytest.mark.parametrize('outside', [-1, 8, 2**62])
def test_a_pixel_outside_the_image_is_not_copied(outside):
    image, inside = np.zeros((6, 8, 3), np.uint8), np.arange(6)
    for rows, columns in (
        (inside, np.array([0, 1, 2, 3, 4, outside])),
        (np.array([0, 1, 2, 3, 4, outside]), inside),
    ):
        with pytest.raises(IndexError, match='outside the image'):
            pooling.take_nearest(image, rows, columns, np.zeros((6, 6, 3), np.uint8))
