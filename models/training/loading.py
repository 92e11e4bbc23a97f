"""Batches: which frames form which step, and how they become tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mmseg_models.training.copy_paste import CopyPaste
from mmseg_models.transforms import Augmentation
from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.datasets.frame import FrameSource, LabelledFrame
from mmseg_ros.encoding.resize import fitted_images
from mmseg_ros.projection.fit import Fit

ItemT = TypeVar('ItemT')
_DRAWS = 1  # tells the draws' generator from that of the order


class Batch(NamedTuple):
    """B frames.

    Attributes:
        images: B x M x H x W x 3 uint8.
        labels: B x H x W int64.
        names: Of the frames, for messages.
    """

    images: Tensor
    labels: Tensor
    names: list[str]


@dataclass(frozen=True, order=True, slots=True)
class FrameKey:
    """A frame in an epoch: the same key always gives the same augmented frame.

    `draw` tells several visits of one epoch apart; 0 is the visit of its order.
    """

    index: int
    epoch: int
    draw: int = 0


def epoch_order(num_frames: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the frames' order in `epoch`: a permutation that depends on nothing else."""
    return np.random.default_rng((seed, epoch)).permutation(num_frames)


@dataclass(frozen=True)
class StepSampler(Sampler[list[FrameKey]]):
    """Yields this process's share of every batch from one step to the end of the run.

    Frames left over at the end of an epoch are dropped. A run that starts at step n sees exactly
    what an uninterrupted run sees from step n on.

    Attributes:
        num_frames: Of the training split. batch_size: Frames per step, all processes together.
        first_step: Of this process's work. last_step: Where the run ends. seed: Of the order.
        rank: This process. world_size: Number of processes.
        drawn: Share of the places that are filled by `chances` instead of the epoch's order.
        chances: Chance of each frame there.
    """

    num_frames: int
    batch_size: int
    first_step: int
    last_step: int
    seed: int
    rank: int = 0
    world_size: int = 1
    drawn: float = 0.0
    chances: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.num_frames < self.batch_size:
            raise ConfigError(
                f'The training split has {self.num_frames} frames, fewer than the '
                f'{self.batch_size} of one step; lower batch_size (data.images).'
            )
        if self.batch_size % self.world_size:
            raise ConfigError(
                f'Expected batch_size (data.images) to be a multiple of the {self.world_size} '
                f'processes, but got {self.batch_size}.'
            )

    def __len__(self) -> int:
        return self.last_step - self.first_step

    def __iter__(self) -> Iterator[list[FrameKey]]:
        per_epoch = self.num_frames // self.batch_size
        keys: list[FrameKey] = []
        for step in range(self.first_step, self.last_step):
            epoch, position = divmod(step, per_epoch)
            if not keys or keys[0].epoch != epoch:
                keys = self._epoch_keys(epoch)
            batch = keys[position * self.batch_size : (position + 1) * self.batch_size]
            yield batch[self.rank :: self.world_size]

    def _epoch_keys(self, epoch: int) -> list[FrameKey]:
        order = epoch_order(self.num_frames, self.seed, epoch)
        keys = [FrameKey(int(index), epoch) for index in order]
        if self.chances is None or not self.drawn:
            return keys
        rng = np.random.default_rng((self.seed, epoch, _DRAWS))
        places = np.flatnonzero(rng.random(self.num_frames) < self.drawn)
        indices = rng.choice(self.num_frames, len(places), p=self.chances)
        for place, index in zip(places.tolist(), indices.tolist(), strict=True):
            keys[place] = FrameKey(index, epoch, place + 1)
        return keys


class AugmentedFrames(Dataset[LabelledFrame]):
    """Frames by `FrameKey`, augmented with randomness of the seed and the key alone."""

    def __init__(
        self,
        frames: FrameSource,
        augmentation: Augmentation,
        seed: int,
        paste: CopyPaste | None = None,
    ) -> None:
        self._frames = frames
        self._augmentation = augmentation
        self._seed = seed
        self._paste = paste

    def __getitem__(self, key: FrameKey) -> LabelledFrame:
        again = (key.draw,) if key.draw else ()
        rng = np.random.default_rng((self._seed, key.epoch, key.index, *again))
        frame = self._frames[key.index]
        return self._augmentation(self._paste(frame, rng) if self._paste else frame, rng)


class FittedFrames(Dataset[LabelledFrame]):
    """Chosen frames with their images on the network's input and their labels as they are."""

    def __init__(
        self,
        frames: FrameSource,
        indices: NDArray[np.int64],
        height: int,
        width: int,
        aspect: str = DEFAULT_ASPECT,
    ) -> None:
        self._frames = frames
        self._indices = indices
        self._size = (height, width)
        self._aspect = aspect

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, position: int) -> LabelledFrame:
        frame = self._frames[int(self._indices[position])]
        rows, columns = frame.labels.shape
        fit = Fit.of((rows, columns), self._size, self._aspect)
        images = fitted_images(frame.images, frame.plane_encodings, fit)
        return replace(frame, images=images)


def collate(frames: list[LabelledFrame]) -> Batch:
    """Return the frames as one batch; they must have one size."""
    return Batch(
        torch.from_numpy(np.stack([frame.images for frame in frames])),
        torch.from_numpy(np.stack([frame.labels for frame in frames]).astype(np.int64)),
        [frame.name for frame in frames],
    )


def training_loader(
    items: Dataset[ItemT],
    sampler: StepSampler,
    workers: int,
    join: Callable[[list[ItemT]], Any],
) -> DataLoader[Any]:
    """Return the loader of the steps that `sampler` names.

    Args:
        items: The training split, by `FrameKey`.
        sampler: Which items form which step.
        workers: Processes that load; 0 loads inline.
        join: Makes one batch of several items.
    """
    return DataLoader(
        items,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=join,
        generator=torch.Generator(),  # or each loader would draw from the network's generator
    )


def collate_by_size(frames: list[LabelledFrame]) -> list[Batch]:
    """Return the frames as batches, one per size of the labels, in the order of first sight."""
    groups: dict[tuple[int, ...], list[LabelledFrame]] = {}
    for frame in frames:
        groups.setdefault(frame.labels.shape, []).append(frame)
    return [collate(group) for group in groups.values()]


def in_turn(groups: Iterable[list[Batch]]) -> Iterator[Batch]:
    """Yield the batches of `validation_loader` one after the other."""
    for group in groups:
        yield from group


def validation_loader(frames: FittedFrames, batch_size: int, workers: int) -> DataLoader[Any]:
    """Return the loader of all frames in order; it yields lists, see `collate_by_size`."""
    return DataLoader(
        frames,
        batch_size=batch_size,
        num_workers=workers,
        collate_fn=collate_by_size,
        generator=torch.Generator(),
    )
