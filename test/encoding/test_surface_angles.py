"""The angles of HHA in a smaller image are as noisy as if rendered at its size, edges stay."""

import numpy as np
import pytest

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding import EncodingContext, encode
from mmseg_ros.encoding.resize import resize_images, show
from mmseg_ros.encoding.view import Axis, View
from mmseg_ros.projection.camera import CameraModel

UPRIGHT = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 1.5], [0, 0, 0, 1]], float)
CAMERA = CameraModel.from_fov(1280, 768, 90.0)
LARGE, SMALL = (384, 640), (192, 320)


def noisy(size, truth, noise, seed=0):
    """Return the HHA of a surface whose depth is measured with noise, a share of it."""
    camera = CAMERA.resized(*size)
    depth = truth(camera.slopes[1])
    valid = depth < 15.0
    depth = np.where(valid, depth, 0.0)
    depth *= 1 + noise * np.random.default_rng(seed).normal(size=size)
    plane = Plane(depth.astype(np.float32)[..., None], valid)
    return encode('hha', plane, EncodingContext(camera=camera, T_base_camera=UPRIGHT))


def wall(slope_y):
    return np.full(slope_y.shape, 12.0)


def ground(slope_y):
    with np.errstate(divide='ignore'):
        return np.where(slope_y > 0, 1.5 / slope_y, np.inf)


def inner(image):
    """Return the angles of measured pixels that do not touch the border."""
    part = image[8:-8, 8:-8]
    return part[..., 2][part.any(axis=2)].astype(float)


@pytest.mark.parametrize('size', [SMALL, (128, 214), (96, 160), (300, 500)])
def test_a_wall_is_as_smooth_as_one_rendered_small(size):
    large = noisy(LARGE, wall, 0.002)
    (got,) = resize_images(large[None], ['hha'], *size)
    rendered = inner(noisy(size, wall, 0.002, seed=1))
    assert inner(got).mean() == pytest.approx(rendered.mean(), abs=0.5)
    assert inner(got).std() == pytest.approx(rendered.std(), rel=0.25)
    if size != (300, 500):  # the fault: one pixel of the larger image is much noisier
        assert inner(large).std() > 1.5 * rendered.std()


def test_ground_is_less_tilted_by_noise():
    large = noisy(LARGE, ground, 0.002)
    (got,) = resize_images(large[None], ['hha'], *SMALL)
    assert inner(got).std() < 0.7 * inner(large).std()


def test_without_noise_nothing_changes():
    for surface in (wall, ground):
        (got,) = resize_images(noisy(LARGE, surface, 0.0)[None], ['hha'], *SMALL)
        rendered = noisy(SMALL, surface, 0.0)
        assert np.abs(inner(got).mean() - inner(rendered).mean()) < 0.5
        assert inner(got).std() < 3


def test_surfaces_are_not_mixed_and_the_unmeasured_does_not_count():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, :3], image[:, 3:6] = (200, 30, 40), (60, 90, 128)
    image[1::2, 5] = 0
    image[0::2, 4] = (60, 90, 118)
    (got,) = resize_images(image[None], ['hha'], 4, 4)
    assert got[:, 0].tolist() == [[200, 30, 40]] * 4
    # The pixel that is shown is the one at the lower right of the middle: column 3, the wall.
    assert got[:, 1].tolist() == [[60, 90, 128]] * 4
    # Columns 4 and 5: 118, 128 above, 128 and nothing below.
    assert got[:, 2].tolist() == [[60, 90, 125]] * 4
    assert not got[:, 3].any()


def test_images_that_do_not_shrink_keep_their_angles():
    image = np.random.default_rng(0).integers(1, 256, (40, 60, 3)).astype(np.uint8)
    for size in ((40, 60), (80, 120), (55, 61)):
        view = View.whole(image.shape, *size)
        expected = image[view.rows.nearest()][:, view.columns.nearest()]
        np.testing.assert_array_equal(show(image, 'hha', view), expected)


def test_many_pixels_of_one_are_counted_exactly():
    image = np.empty((600, 600, 3), np.uint8)
    image[:] = (90, 90, 200)
    image[300:] = (90, 90, 100)
    (got,) = resize_images(image[None], ['hha'], 1, 1)
    assert got.tolist() == [[[90, 90, 150]]]


def test_a_view_beside_the_image_is_empty():
    image = np.full((20, 20, 3), 90, np.uint8)
    view = View(Axis(20, 10, 12, 6), Axis(20, 10, 12, 6))
    assert not show(image, 'hha', view).any()
