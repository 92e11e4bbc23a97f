"""Images of any shape onto the network's input, and the answer back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.core.aspects import ASPECTS
from mmseg_ros.core.types import Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.fit import Fit

INPUT = (192, 320)


def sizes(count=60):
    random = np.random.default_rng(17)
    drawn = [tuple(int(n) for n in random.integers(1, 1500, 2)) for _ in range(count)]
    return [*drawn, (1, 1), (1, 2000), (2000, 1), (376, 1242), (192, 320), (384, 640)]


@pytest.mark.parametrize('aspect', ASPECTS)
def test_what_is_laid_comes_back_where_it_was(aspect):
    for size in sizes():
        fit = Fit.of(size, INPUT, aspect)
        scaled = np.arange(fit.scaled_height * fit.scaled_width, dtype=np.int32)
        scaled = scaled.reshape(fit.scaled_height, fit.scaled_width) + 1
        laid = fit.lay(scaled)
        assert laid.shape == INPUT
        same_size = Fit(
            fit.scaled_height, fit.scaled_width, fit.scaled_height, fit.scaled_width, *INPUT
        )
        back = same_size.restore(laid.astype(np.float32), -1)
        held = back >= 0
        assert (back[held] == scaled.astype(np.float32)[held]).all()
        assert held.sum() == min(fit.scaled_height, 192) * min(fit.scaled_width, 320)
        assert fit.restore(np.zeros(INPUT, np.uint8), 255).shape == size


def test_an_image_of_one_row_stays_small():
    for size in ((1, 100_000), (100_000, 1)):
        for aspect in ASPECTS:
            fit = Fit.of(size, INPUT, aspect)
            assert fit.scaled_height * fit.scaled_width <= 8 * 192 * 320


def test_letterbox_loses_nothing_and_keeps_the_shape():
    for size in sizes():
        fit = Fit.of(size, INPUT, 'letterbox')
        assert not (fit.restore(np.zeros(INPUT, np.uint8), 255) == 255).any()
        assert fit.scaled_height <= 192
        assert fit.scaled_width <= 320
        scale = min(192 / size[0], 320 / size[1])
        # Half a pixel of rounding is all that the shape changes by, and nothing gets lost.
        assert abs(fit.scaled_height - max(size[0] * scale, 1)) <= 0.5
        assert abs(fit.scaled_width - max(size[1] * scale, 1)) <= 0.5


def test_crop_fills_the_input_and_ignores_the_rest():
    fit = Fit.of((376, 1242), INPUT, 'crop')
    assert fit.lay(np.ones((fit.scaled_height, fit.scaled_width), np.uint8)).all()
    labels = fit.restore(np.full(INPUT, 3, np.uint8), 255)
    kept = np.flatnonzero((labels == 3).all(axis=0))
    assert (labels[:, : kept[0]] == 255).all()
    assert (labels[:, kept[-1] + 1 :] == 255).all()
    assert len(kept) == pytest.approx(376 * 320 / 192, abs=4)
    assert kept[0] + kept[-1] == pytest.approx(1241, abs=4)


@pytest.mark.parametrize(
    ('size', 'whole'),
    [((192, 320), True), ((384, 640), True), ((384, 730), True), ((384, 560), True),
     ((384, 740), False), ((384, 550), False), ((376, 1242), False), ((1242, 376), False)],
)  # fmt: skip
def test_auto_pads_only_where_the_aspects_differ_much(size, whole):
    fit = Fit.of(size, INPUT)
    assert fit.is_whole == whole
    if not whole:
        assert fit == Fit.of(size, INPUT, 'letterbox')


def test_padding_is_invalid():
    fit = Fit.of((100, 500), INPUT, 'letterbox')
    inner = (fit.scaled_height, fit.scaled_width)
    plane = fit.lay_plane(Plane(np.ones((*inner, 3), np.float32), np.ones(inner, bool)))
    top = fit.offset[0]
    assert plane.values.shape == (*INPUT, 3)
    assert plane.valid[top : top + inner[0]].all()
    assert not plane.valid[:top].any()
    assert not plane.valid[top + inner[0] :].any()


@settings(deadline=None)
@given(
    size=st.tuples(st.integers(16, 1500), st.integers(16, 1500)),
    input_size=st.tuples(st.integers(16, 600), st.integers(16, 600)),
    aspect=st.sampled_from(ASPECTS),
    fov_deg=st.floats(20, 120),
    D=st.sampled_from([(), (-0.2, 0.05, 1e-3, -1e-3), (0.1, 0.01, 0, 0, 0, 0.1, 0, 0)]),
    seed=st.integers(0, 1000),
)
def test_points_fall_where_the_image_lies(size, input_size, aspect, fov_deg, D, seed):
    rows, columns = size
    pinhole = CameraModel.from_fov(columns, rows, fov_deg)
    model = 'rational_polynomial' if len(D) == 8 else 'plumb_bob'
    camera = replace(pinhole, distortion_model=model, D=np.array(D, float))
    points = np.random.default_rng(seed).uniform([-2, -2, 1.5], [2, 2, 40], (50, 3))
    there, in_front = camera.project(points)
    fit = Fit.of(size, input_size, aspect)
    fitted, still_in_front = fit.camera(camera).project(points)
    expected = (there + 0.5) * fit.scale[::-1] - 0.5 + fit.offset[::-1]
    # What lies within both images; beyond them the lens is not known.
    seen = in_front & (
        np.abs(there + 0.5 - np.array([columns, rows]) / 2) < [columns / 2, rows / 2]
    ).all(1)
    seen &= (
        np.abs(expected + 0.5 - np.array(input_size[::-1]) / 2) < np.array(input_size[::-1]) / 2
    ).all(1)
    assert still_in_front[seen].all()
    assert np.abs(fitted - expected)[seen].max(initial=0) < 1e-6 * max(*size, *input_size)


@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    input_size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    aspect=st.sampled_from(ASPECTS),
)
def test_a_pixel_comes_back_from_where_its_point_was_fitted(size, input_size, aspect):
    fit = Fit.of(size, input_size, aspect)
    rows, columns = np.indices(input_size)
    back = np.stack(
        [fit.restore(rows.astype(np.int32), -1), fit.restore(columns.astype(np.int32), -1)]
    )
    v, u = np.indices(size)
    wanted_v = (v + 0.5) * fit.scale[0] - 0.5 + fit.offset[0]
    wanted_u = (u + 0.5) * fit.scale[1] - 0.5 + fit.offset[1]
    held = fit.covered()
    assert (held == (back[0] >= 0)).all()
    # Nearest neighbor: half a pixel of the input, and the rounding of a tie.
    assert np.abs(back[0] - wanted_v)[held].max(initial=0) <= 0.51
    assert np.abs(back[1] - wanted_u)[held].max(initial=0) <= 0.51
