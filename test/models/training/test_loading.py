"""Which frames form which step."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch

from mmseg_models.training.loading import (
    AugmentedFrames,
    FittedFrames,
    FrameKey,
    StepSampler,
    collate,
    epoch_order,
    training_loader,
)
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.datasets.frame import LabelledFrame

SAMPLER = StepSampler(num_frames=11, batch_size=4, first_step=0, last_step=9, seed=3)


class Frames:
    """Frames whose labels are their index."""

    modalities = ('rgb',)

    def __len__(self):
        return 11

    def __getitem__(self, index):
        image = np.full((1, 4, 6, 3), index, np.uint8)
        return LabelledFrame(f'frame{index}', self.modalities, image, image[0, ..., 0])


def noise(frame, rng):
    return replace(frame, images=frame.images + rng.integers(0, 200, dtype=np.uint8))


def test_epochs_are_different_permutations():
    orders = [epoch_order(11, 3, epoch) for epoch in range(3)]
    assert all(sorted(order.tolist()) == list(range(11)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 3
    assert np.array_equal(orders[1], epoch_order(11, 3, 1))


def test_steps_walk_through_the_epochs():
    steps = list(SAMPLER)
    assert len(steps) == len(SAMPLER) == 9
    for step, keys in enumerate(steps):
        epoch, position = divmod(step, 2)  # 11 // 4 batches in an epoch
        expected = epoch_order(11, 3, epoch)[4 * position : 4 * position + 4].tolist()
        assert keys == [FrameKey(index, epoch) for index in expected]


def test_resumed_sampler_continues_where_the_other_stopped():
    assert list(replace(SAMPLER, first_step=5)) == list(SAMPLER)[5:]


def test_processes_share_each_batch():
    parts = [list(replace(SAMPLER, rank=rank, world_size=2)) for rank in (0, 1)]
    for whole, first, second in zip(SAMPLER, *parts, strict=True):
        assert len(first) == len(second) == 2
        assert sorted(first + second) == sorted(whole)


def test_impossible_batches_are_rejected():
    with pytest.raises(ConfigError, match='11 frames'):
        replace(SAMPLER, batch_size=12)
    with pytest.raises(ConfigError, match='3 processes'):
        replace(SAMPLER, world_size=3)


def test_augmentation_depends_on_seed_epoch_and_frame():
    def pixel(seed, epoch, index):
        frame = AugmentedFrames(Frames(), noise, seed)[FrameKey(index, epoch)]
        return int(frame.images[0, 0, 0, 0]) - index

    base = [pixel(1, epoch, index) for epoch in range(4) for index in range(4)]
    assert base == [pixel(1, epoch, index) for epoch in range(4) for index in range(4)]
    assert len(set(base)) > 8
    assert base != [pixel(2, epoch, index) for epoch in range(4) for index in range(4)]


def test_loader_does_not_draw_from_the_networks_generator():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    batches = list(training_loader(AugmentedFrames(Frames(), noise, 0), SAMPLER, 0, collate))
    assert len(batches) == 9
    assert torch.equal(before, torch.get_rng_state())


def test_collate_and_resize():
    frames = FittedFrames(Frames(), np.array([2, 7]), height=8, width=12)
    assert len(frames) == 2
    batch = collate([frames[0], frames[1]])
    assert batch.images.shape == (2, 1, 8, 12, 3)
    assert batch.images.dtype == torch.uint8
    assert batch.labels.shape == (2, 4, 6)  # labels keep their size
    assert batch.labels.dtype == torch.int64
    assert batch.names == ['frame2', 'frame7']
    assert batch.images[1].unique().tolist() == [7]


def test_a_share_of_the_places_is_drawn_by_chance_and_the_others_keep_the_order():
    chances = np.zeros(1000)
    chances[[3, 5]] = 0.25, 0.75
    drawing = StepSampler(1000, 4, 0, 500, seed=3, drawn=0.5, chances=chances)
    plain = StepSampler(1000, 4, 0, 500, seed=3)
    pairs = list(zip(chain(*drawing), chain(*plain), strict=True))
    drawn = [key for key, _ in pairs if key.draw]
    assert 0.45 < len(drawn) / len(pairs) < 0.55
    assert {key.index for key in drawn} == {3, 5}
    assert 2 < sum(key.index == 5 for key in drawn) / sum(key.index == 3 for key in drawn) < 4
    assert len(set(drawn)) == len(drawn)
    assert all(key == other for key, other in pairs if not key.draw)


def test_a_resumed_run_draws_what_an_uninterrupted_one_draws():
    chances = np.full(11, 1 / 11)
    whole = StepSampler(11, 4, 0, 9, seed=3, drawn=0.5, chances=chances)
    rest = StepSampler(11, 4, 5, 9, seed=3, drawn=0.5, chances=chances)
    assert list(whole)[5:] == list(rest)
