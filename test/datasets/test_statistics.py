"""Channel statistics: what is measured, what is given."""

import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.datasets.statistics import IMAGENET, ChannelStatistics, statistics


class Frames:
    """Frames in memory."""

    def __init__(self, modalities, images):
        self.modalities = modalities
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return LabelledFrame(
            str(index), self.modalities, self.images[index], np.zeros((8, 8), np.uint8)
        )


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 2, 8, 8, 3)).astype(np.uint8)


def test_measured_over_all_pixels_of_all_frames(images):
    result = statistics(Frames(('depth', 'lidar'), images), {})
    assert list(result) == ['depth', 'lidar']
    scaled = images / 255.0
    for i, name in enumerate(('depth', 'lidar')):
        assert result[name].mean == pytest.approx(scaled[:, i].mean(axis=(0, 1, 2)), abs=1e-6)
        assert result[name].std == pytest.approx(scaled[:, i].std(axis=(0, 1, 2)), abs=1e-6)


def test_rgb_is_imagenet_and_given_values_win(images):
    given = ChannelStatistics((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    result = statistics(Frames(('rgb', 'event'), images), {'event': given})
    assert result == {'rgb': IMAGENET, 'event': given}
    assert statistics(Frames(('rgb', 'event'), images), {'rgb': given})['rgb'] == given


def test_constant_channel_has_a_deviation():
    result = statistics(Frames(('event',), np.zeros((2, 1, 8, 8, 3), np.uint8)), {})
    assert result['event'].std == pytest.approx((1 / 255,) * 3, abs=1e-6)


def test_zero_deviation_is_rejected():
    with pytest.raises(ConfigError, match='positive'):
        ChannelStatistics((0.0, 0.0, 0.0), (1.0, 0.0, 1.0))
