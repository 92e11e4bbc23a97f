"""An encoded image brought to another size says what it would say if rendered at that size."""

import cv2
import numpy as np
import pytest

from mmseg_ros.core.types import CloudData, EventData, Plane
from mmseg_ros.encoding import EncodingContext, encode
from mmseg_ros.encoding.resize import _nearest, mirrored, resize_images, show, show_labels
from mmseg_ros.encoding.view import Axis, View
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.cloud_columns import as_points
from mmseg_ros.projection.events import event_plane
from mmseg_ros.projection.lidar import lidar_plane

FORWARD = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
LARGE, SMALL = (384, 640), (192, 320)
CAMERA = CameraModel.from_fov(1280, 768, 90.0)


def street(rng):
    """Return 24 beams over ground and walls at several distances."""
    azimuth = np.radians(np.repeat(np.linspace(-50, 50, 160)[None], 24, 0)).ravel()
    elevation = np.radians(np.repeat(np.linspace(-24.8, 2.0, 24)[:, None], 160, 1)).ravel()
    wall = 6.0 + 30.0 * ((azimuth * 7).astype(int) % 4)
    ground = np.where(elevation < 0, 1.7 / np.maximum(-np.sin(elevation), 1e-6), 1e6)
    distance = np.minimum(wall, ground) * (1 + 0.002 * rng.normal(size=wall.shape))
    x = distance * np.cos(elevation) * np.cos(azimuth)
    y = distance * np.cos(elevation) * np.sin(azimuth)
    table = np.stack([x, y, distance * np.sin(elevation), rng.random(len(x))], 1)
    return CloudData(as_points(table.astype(np.float32)), 1, len(x), intensity_max=1.0)


def lidar_at(cloud, size):
    plane = lidar_plane(cloud, FORWARD, np.eye(4), CAMERA.resized(*size))
    return encode('range_intensity_height', plane, EncodingContext())


@pytest.mark.parametrize(
    ('given', 'wanted'), [(LARGE, SMALL), (SMALL, LARGE), (LARGE, (250, 410))]
)
def test_lidar_points_keep_their_density_and_place(given, wanted):
    cloud = street(np.random.default_rng(0))
    expected = lidar_at(cloud, wanted)
    (got,) = resize_images(lidar_at(cloud, given)[None], ['range_intensity_height'], *wanted)
    there, here = expected[..., 0] > 0, got[..., 0] > 0
    if given[0] > wanted[0]:
        # What shrinks is as dense as if rendered small, within 3 %, and at the same places.
        assert here.mean() == pytest.approx(there.mean(), rel=0.03)
        least = 0.93 if wanted == SMALL else 0.8  # rounded twice where pixels do not nest
        assert (here & there).sum() / (here | there).sum() > least
    else:
        # A smaller image has lost points that share a pixel; none is invented.
        assert 0.4 * there.mean() < here.mean() < 1.2 * there.mean()
    both = here & there
    error = np.abs(expected[both][:, 0].astype(int) - got[both][:, 0].astype(int))
    assert np.median(error) == 0
    assert error.mean() < 6


def test_like_a_photograph_it_would_not():
    """The check above tells the fault from the cure."""
    cloud = street(np.random.default_rng(0))
    expected = lidar_at(cloud, SMALL)[..., 0] > 0
    large = lidar_at(cloud, LARGE)
    naive = cv2.resize(large, SMALL[::-1], interpolation=cv2.INTER_NEAREST_EXACT)[..., 0] > 0
    assert abs(naive.mean() / expected.mean() - 1) > 0.1


def test_an_isolated_point_is_3_x_3_at_every_size():
    plane = Plane(np.zeros((60, 80, 3), np.float32), np.zeros((60, 80), bool))
    plane.values[30, 40], plane.valid[30, 40] = (20.0, 0.5, 1.0), True
    image = encode('range_intensity_height', plane, EncodingContext())
    for size in ((30, 40), (45, 61), (120, 160), (180, 240)):
        (got,) = resize_images(image[None], ['range_intensity_height'], *size)
        rows, columns = np.nonzero(got[..., 0])
        assert len(rows) == 9
        assert rows.mean() == pytest.approx((30.5) * size[0] / 60 - 0.5, abs=0.51)
        assert columns.mean() == pytest.approx((40.5) * size[1] / 80 - 0.5, abs=0.51)
        assert (got[rows, columns] == image[30, 40]).all()


def test_points_of_one_pixel_are_not_lost():
    image = np.zeros((64, 64, 3), np.uint8)
    image[::8, ::8] = 100
    (got,) = resize_images(image[None], ['range_intensity_height'], 32, 32)
    assert (got[..., 0] > 0).sum() >= 64 * 9 * 0.8


def events_at(size, count=20_000):
    rng = np.random.default_rng(1)
    sensor = CameraModel.from_fov(640, 384, 90.0)
    events = EventData(
        rng.integers(0, 640, count).astype(np.uint16),
        (rng.normal(192, 20, count).clip(0, 383)).astype(np.uint16),
        np.sort(rng.integers(0, 50_000_000, count)),
        rng.random(count) < 0.5,
        640,
        384,
    )
    plane = event_plane(events, np.eye(4), sensor, CAMERA.resized(*size), (0, 50_000_000))
    return {name: encode(name, plane, EncodingContext()) for name in ('polarity', 'time_surface')}


@pytest.mark.parametrize('encoding', ['polarity', 'time_surface'])
@pytest.mark.parametrize(('given', 'wanted'), [(LARGE, SMALL), (SMALL, LARGE)])
def test_events_do_not_thin_out(encoding, given, wanted):
    expected = events_at(wanted)[encoding]
    (got,) = resize_images(events_at(given)[encoding][None], [encoding], *wanted)
    if given == LARGE:
        assert (got > 0).mean() == pytest.approx((expected > 0).mean(), rel=0.03)
        assert ((got > 0) == (expected > 0)).mean() > 0.99
        assert np.abs(got.astype(int) - expected).mean() < 1.0
    else:
        assert ((got > 0) | ~(expected > 0)).mean() > 0.98  # no event is lost


def test_a_balance_of_signs_is_not_an_event():
    image = np.full((4, 4, 3), 128, np.uint8)
    image[0, 0], image[0, 1], image[3, 3] = 160, 90, 200
    (got,) = resize_images(image[None], ['voxel_grid'], 2, 2)
    assert got[..., 0].tolist() == [[90, 128], [128, 200]]


@pytest.mark.parametrize('encoding', ['hha', 'inverse_depth'])
def test_depth_is_one_that_was_measured(encoding):
    rng = np.random.default_rng(2)
    image = rng.integers(1, 256, (40, 60, 3)).astype(np.uint8)
    image[rng.random((40, 60)) < 0.6] = 0
    (got,) = resize_images(image[None], [encoding], 10, 15)
    cells = image.reshape(10, 4, 15, 4, 3).transpose(0, 2, 1, 3, 4).reshape(10, 15, 16, 3)
    measured = cells.any(axis=(2, 3))
    assert np.array_equal(got.any(axis=2), measured)
    kept = 2 if encoding == 'hha' else 3  # its angle is that of the surface
    for i, j in np.argwhere(measured):
        assert (cells[i, j, :, :kept] == got[i, j, :kept]).all(axis=1).any()


def test_angles_are_averaged_as_directions_without_the_unknown_ones():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 0] = (228, 128, 228)
    image[:, 1] = (28, 128, 28)
    image[0, 2] = (200, 60, 200)
    (got,) = resize_images(image[None], ['aolp_sincos'], 1, 2)
    assert got[0, 0] == pytest.approx([128, 128, 128], abs=1)
    assert got[0, 1].tolist() == [0, 0, 0]  # a quarter is known
    image[1, 2] = (200, 60, 200)
    (got,) = resize_images(image[None], ['aolp_sincos'], 1, 2)
    assert got[0, 1] == pytest.approx([200, 60, 200], abs=2)


def test_mirroring_turns_the_angle_of_polarization():
    image = np.array([[[1, 5, 1], [128, 0, 128], [0, 0, 0], [255, 255, 255]]], np.uint8)
    assert mirrored(image, 'aolp_sincos').tolist() == [
        [[1, 255, 1], [0, 0, 0], [128, 0, 128], [255, 5, 255]]
    ]
    assert np.array_equal(mirrored(image, 'grey'), image[:, ::-1])


@pytest.mark.parametrize(
    'encoding', ['rgb', 'hha', 'polarity', 'range_intensity_height', 'aolp_sincos']
)
@pytest.mark.parametrize('scale', [0.4, 0.75, 1.6])
def test_a_crop_of_the_scaled_image_is_that_part_of_the_whole(encoding, scale):
    rng = np.random.default_rng(3)
    image = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3)).astype(np.uint8), (9, 9), 3)
    if encoding == 'range_intensity_height':
        image = cv2.dilate((rng.random((90, 120)) < 0.05).astype(np.uint8) * 90, np.ones((3, 3)))
        image = np.repeat(image[..., None], 3, 2)
    rows, columns = round(90 * scale), round(120 * scale)
    whole = show(
        image, encoding, View(Axis(90, rows, 0, rows + 9), Axis(120, columns, 0, columns + 9))
    )
    part = show(image, encoding, View(Axis(90, rows, 7, 20), Axis(120, columns, 11, 26)))
    expected = whole[7:27, 11:37].astype(int)
    assert np.abs(part.astype(int) - expected).max() <= (
        3 if encoding in ('rgb', 'aolp_sincos') else 0
    )
    assert not whole[rows:].any()
    assert not whole[:, columns:].any()


def test_labels_are_those_of_the_nearest_pixel():
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    view = View(Axis(6, 3, 1, 4), Axis(8, 4, 2, 4))
    got = show_labels(labels, view, 255)
    assert got.tolist() == [[29, 31, 255, 255], [45, 47, 255, 255], *[[255] * 4] * 2]


@pytest.mark.parametrize('shape', [(40, 60), (40, 60, 3)])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('size', [(40, 60), (23, 91), (95, 17)])
def test_nearest_pixels_are_those_of_an_index_whatever_the_memory(shape, dtype, size):
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, shape).astype(dtype)
    view = View(Axis(40, size[0] + 9, 4, size[0]), Axis(60, size[1] + 7, 3, size[1]))
    expected = image[view.rows.nearest()][:, view.columns.nearest()]
    frozen = image.copy()
    frozen.flags.writeable = False
    backwards = image[::-1, ::-1].copy()[::-1, ::-1]
    for given in (image, frozen, np.asfortranarray(image), backwards):
        np.testing.assert_array_equal(_nearest(given, view), expected)
