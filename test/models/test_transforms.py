"""Augmentation: everything moves together, color changes RGB alone, chance comes from the rng."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_models.transforms import (
    GREY_WEIGHTS,
    Augmentation,
    Window,
    color_jitter,
    darken,
    resample,
)
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.encoding.resize import fitted_images, resize_images
from mmseg_ros.projection.fit import Fit

IGNORE = 255
PLAIN = Augmentation(
    height=32,
    width=48,
    crop_height=32,
    crop_width=48,
    scale_min=1.0,
    scale_max=1.0,
    flip_probability=0.0,
    jitter_probability=0.0,
    jitter_strength=0.5,
    blur_probability=0.0,
    ignore_id=IGNORE,
)


def make_frame(height=32, width=48, seed=0) -> LabelledFrame:
    """Return a frame of depth planes that hold the labels plus one (0 is padding)."""
    labels = np.random.default_rng(seed).integers(0, 25, (height, width)).astype(np.uint8)
    plane = np.repeat(labels[..., None] + 1, 3, axis=2).astype(np.uint8)
    names = ('depth', 'event', 'lidar')
    return LabelledFrame('f', names, np.stack([plane] * 3), labels, ('inverse_depth',) * 3)


@settings(deadline=None)  # the first call compiles
@given(
    scale=st.floats(0.3, 3.0),
    top=st.integers(0, 20),
    left=st.integers(0, 20),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    flip=st.booleans(),
)
def test_planes_and_labels_move_together(scale, top, left, height, width, flip):
    moved = resample(make_frame(), Window((scale, scale), top, left, height, width, flip), IGNORE)
    assert moved.images.shape == (3, height, width, 3)
    assert moved.labels.shape == (height, width)
    expected = np.where(moved.labels == IGNORE, 0, moved.labels + 1)
    assert np.array_equal(moved.images, np.broadcast_to(expected[..., None], moved.images.shape))


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('scale', [0.45, 0.7, 0.9, 1.3, 1.7, 2.6])
def test_camera_image_stays_on_the_labels(scale, flip):
    rows, columns = 40, 60
    labels = np.repeat(np.arange(columns, dtype=np.uint8)[None], rows, axis=0)
    ramp = np.repeat(4 * labels[..., None], 3, axis=2)
    frame = LabelledFrame('f', ('rgb',), ramp[None], labels)
    window = Window((scale, scale), 0, 0, int(rows * scale), int(columns * scale), flip)
    moved = resample(frame, window, IGNORE)
    inside = moved.labels != IGNORE
    error = moved.images[0, ..., 0][inside] / 4.0 - moved.labels[inside]
    # Nearest and linear may differ by half a pixel, and on average not at all.
    assert np.abs(error).max() <= 0.75
    assert abs(error.mean()) < 0.1


def test_nothing_changes_without_chance():
    frame = make_frame()
    same = PLAIN(frame, np.random.default_rng(0))
    assert np.array_equal(same.images, frame.images)
    assert np.array_equal(same.labels, frame.labels)


def test_flip_mirrors_and_twice_restores():
    frame = make_frame()
    always = replace(PLAIN, flip_probability=1.0)
    once = always(frame, np.random.default_rng(0))
    assert np.array_equal(once.labels, frame.labels[:, ::-1])
    twice = always(once, np.random.default_rng(0))
    assert np.array_equal(twice.images, frame.images)


def test_scale_is_relative_to_the_network_input():
    frame = make_frame(64, 96)
    whole = PLAIN(frame, np.random.default_rng(0))
    assert set(np.unique(whole.labels)) <= set(range(25))  # all of it visible, nothing padded
    half = replace(PLAIN, scale_min=0.5, scale_max=0.5)(frame, np.random.default_rng(0))
    assert np.all(half.labels[:16, :24] != IGNORE)
    assert np.all(half.labels[16:] == IGNORE)
    assert np.all(half.labels[:, 24:] == IGNORE)


def test_crops_reach_every_part():
    rows, columns = 32, 48
    labels = np.arange(rows * columns).reshape(rows, columns)
    frame = LabelledFrame(
        'f', ('lidar',), np.zeros((1, rows, columns, 3), np.uint8), (labels % 250).astype(np.uint8)
    )
    crop = replace(PLAIN, crop_height=31, crop_width=47)
    firsts = {int(crop(frame, np.random.default_rng(i)).labels[0, 0]) for i in range(50)}
    assert firsts == {int(frame.labels[row, column]) for row in (0, 1) for column in (0, 1)}


def test_color_and_blur_touch_rgb_alone():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (2, 32, 48, 3)).astype(np.uint8)
    frame = LabelledFrame('f', ('depth', 'rgb'), images, np.zeros((32, 48), np.uint8))
    for change in ({'jitter_probability': 1.0}, {'blur_probability': 1.0}):
        changed = replace(PLAIN, **change)(frame, np.random.default_rng(0))
        assert np.array_equal(changed.images[0], images[0])
        assert not np.array_equal(changed.images[1], images[1])
    assert np.array_equal(frame.images[1], images[1])


def test_lost_light_touches_rgb_alone_and_goes_down_to_black():
    frame = make_frame()
    frame = replace(frame, modalities=('rgb', 'event', 'lidar'), encodings=())
    dark = replace(PLAIN, darkening_probability=1.0)
    left = []
    for seed in range(20):
        moved = dark(frame, np.random.default_rng(seed))
        assert np.array_equal(moved.images[1:], frame.images[1:])
        left.append(moved.images[0].sum() / frame.images[0].sum())
    assert min(left) < 0.1
    assert 0.9 < max(left) <= 1.0
    assert np.array_equal(darken(frame.images[0], 0.0), np.zeros_like(frame.images[0]))


def test_same_generator_same_frame():
    wild = replace(
        PLAIN, scale_min=0.5, scale_max=2.0, flip_probability=0.5, jitter_probability=0.5
    )
    first, second = (wild(make_frame(), np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)


def test_jitter_factors():
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert np.all(color_jitter(grey, 1.5, 1.0, 1.0) == 150)
    assert np.all(color_jitter(grey, 1.0, 0.5, 0.5) == 100)
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 200
    assert np.ptp(color_jitter(red, 1.0, 1.0, 0.0)) == 0
    assert np.array_equal(color_jitter(red, 1.0, 1.0, 1.0), red)


def test_color_is_computed_in_float32_whatever_the_factors_come_in():
    rng = np.random.default_rng(15)  # one pixel of this image rounds the other way in float64
    image = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    factors = rng.uniform(0.5, 1.5, 3)
    assert np.array_equal(color_jitter(image, *factors), color_jitter(image, *map(float, factors)))


def jittered_pixel_by_pixel(rgb, brightness, contrast, saturation):
    """Return what `color_jitter` does, by the rule."""
    values = np.clip(rgb.astype(np.float32) * brightness, 0, 255)
    mean = float((values @ GREY_WEIGHTS).mean())
    values = np.clip(mean + (values - mean) * contrast, 0, 255)
    grey = (values @ GREY_WEIGHTS)[..., None]
    return np.rint(np.clip(grey + (values - grey) * saturation, 0, 255)).astype(np.uint8)


@pytest.mark.parametrize('seed', range(4))
def test_color_is_that_of_each_pixel_to_the_byte(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (48, 65, 3)).astype(np.uint8)
    factors = [float(factor) for factor in rng.uniform(0.1, 1.9, 3)]
    assert np.array_equal(color_jitter(image, *factors), jittered_pixel_by_pixel(image, *factors))


@pytest.mark.parametrize('size', [(32, 48), (16, 24), (40, 60)])
def test_resize_images(size):
    frame = make_frame()
    resized = resize_images(frame.images, frame.plane_encodings, *size)
    assert resized.shape == (3, *size, 3)
    assert set(np.unique(resized)) <= set(np.unique(frame.images))
    if size == (32, 48):
        assert resized is frame.images


WIDE = replace(PLAIN, height=32, width=48, crop_height=32, crop_width=48)


def test_wide_frames_are_fitted_as_in_deployment():
    frame = make_frame(32, 160)
    seen = WIDE(frame, np.random.default_rng(0))
    fit = Fit.of((32, 160), (32, 48))
    assert np.array_equal(seen.images, fitted_images(frame.images, frame.plane_encodings, fit))
    top = fit.offset[0]
    shown = slice(top, top + fit.scaled_height)
    assert (seen.labels[shown] != IGNORE).all()
    assert (np.delete(seen.labels, np.r_[shown], axis=0) == IGNORE).all()


def test_wide_frames_are_cut_or_squashed_when_asked():
    frame = make_frame(32, 160)
    cut = replace(WIDE, aspect='crop')(frame, np.random.default_rng(0))
    assert (cut.labels != IGNORE).all()
    assert any((frame.labels[:, i : i + 48] == cut.labels).all() for i in range(113))
    squashed = replace(WIDE, aspect='stretch')(frame, np.random.default_rng(0))
    expected = resize_images(frame.images, frame.plane_encodings, 32, 48)
    assert np.array_equal(squashed.images, expected)


@given(ratio=st.floats(0.3, 3.0), factor=st.integers(1, 30))
def test_at_the_networks_aspect_frames_are_scaled_alike_whatever_the_parameter(ratio, factor):
    rows, columns = 6 * factor, 10 * factor
    fit = Fit.of((rows, columns), (192, 320))
    before = ratio * 192 / rows
    sizes = (
        round(rows * (ratio * fit.scaled_height / rows)),
        round(columns * (ratio * fit.scaled_width / columns)),
    )
    assert sizes == (round(rows * before), round(columns * before))
