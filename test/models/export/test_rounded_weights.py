import numpy as np
import pytest

from mmseg_models.export.rounded_weights import LARGEST_WEIGHT, rounded_weights

ADDED_IN_BITS = 31


def values_of(narrow, steps):
    return narrow * steps.reshape(-1, *[1] * (narrow.ndim - 1))


def test_depthwise_taps_keep_their_sum_and_move_by_less_than_a_step():
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(64, 1, 5, 5)).astype(np.float32)
    kernels -= kernels.mean(axis=(2, 3), keepdims=True)  # edges: an even image answers 0
    steps, narrow = rounded_weights(kernels, 0)
    errors = (values_of(narrow, steps) - kernels) / steps[:, None, None, None]
    assert np.abs(errors).max() < 1.0
    assert np.abs(errors.sum(axis=(1, 2, 3))).max() <= 0.5001
    alone = np.rint(kernels / steps[:, None, None, None]) - kernels / steps[:, None, None, None]
    assert np.abs(alone.sum(axis=(1, 2, 3))).max() > 2


def test_other_kernels_are_rounded_to_the_nearest_step():
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(32, 16, 3, 3)).astype(np.float32)
    steps, narrow = rounded_weights(kernels, 0)
    assert np.abs(values_of(narrow, steps) - kernels).max() <= 0.5001 * steps.max()
    assert np.abs(narrow).reshape(32, -1).max(axis=1).tolist() == [LARGEST_WEIGHT] * 32
    products = kernels.reshape(32, -1).T
    turned_steps, turned = rounded_weights(products, 1)
    assert np.array_equal(turned_steps, steps)
    assert np.array_equal(turned.T, narrow.reshape(32, -1))


@pytest.mark.parametrize('size', [0.0, 1e-20, 1e-9])
def test_the_bias_of_a_channel_without_weights_fits_into_the_accumulator(size):
    kernels = np.full((2, 16, 1, 1), size, np.float32)
    kernels[1] = 1.0
    bias = np.array([-5.0, 5.0], np.float32)
    steps, narrow = rounded_weights(kernels, 0, bias)
    smallest_input_step = 1e-3
    assert (np.abs(bias) / (steps * smallest_input_step) < 2.0**ADDED_IN_BITS).all()
    assert np.abs(values_of(narrow, steps) - kernels).max() < 1e-5
