"""Batches of images and text prompts, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from mmseg_models.training.loading import FrameKey
from mmseg_models.training.referring_data import Picture, PictureVariation, VariedPicture
from mmseg_ros.referring.tokenizer import UNKNOWN, Tokenizer


class ReferringBatch(NamedTuple):
    """B images and N = B x S text prompts, those of the first image first.

    Attributes:
        images: B x H x W x 3 uint8. labels: B x H x W int64 class ids, 255 unlabeled.
        masks: N x H x W bool.
        token_ids: N x L int64. attention_mask: N x L bool, False at padding.
        sentences: N.
    """

    images: Tensor
    labels: Tensor
    masks: Tensor
    token_ids: Tensor
    attention_mask: Tensor
    sentences: list[str]

    def of_images(self, rows: slice) -> ReferringBatch:
        """Return some of the images with their text prompts."""
        if len(self.images[rows]) == len(self.images):
            return self
        each = len(self.sentences) // len(self.images)
        prompts = slice(rows.start * each, rows.stop * each)
        return ReferringBatch(
            self.images[rows],
            self.labels[rows],
            self.masks[prompts],
            self.token_ids[prompts],
            self.attention_mask[prompts],
            self.sentences[prompts],
        )


class ReadPicture(NamedTuple):
    """A varied image with its text prompts as S x L token ids and their mask."""

    picture: VariedPicture
    token_ids: NDArray[np.int64]
    attention_mask: NDArray[np.bool_]


class VariedPictures(Dataset[ReadPicture]):
    """Images by `FrameKey`, varied with randomness of (seed, epoch, index) alone.

    Args:
        pictures: The training split. variation: How they are varied.
        tokenizer: Reads the text prompts. vocabulary: Its tokens; the position is the id.
        unknown_probability: Chance that a word is hidden as an unknown one.
        seed: Of everything random.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        variation: PictureVariation,
        tokenizer: Tokenizer,
        vocabulary: Sequence[str],
        unknown_probability: float,
        seed: int,
    ) -> None:
        self._pictures = pictures
        self._variation = variation
        self._tokenizer = tokenizer
        self._unknown = vocabulary.index(UNKNOWN)
        self._first_word = sum(token.startswith('[') for token in vocabulary)
        self._unknown_probability = unknown_probability
        self._seed = seed

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, key: FrameKey) -> ReadPicture:
        rng = np.random.default_rng((self._seed, key.epoch, key.index))
        picture = self._variation(self._pictures[key.index], rng)
        token_ids, attention_mask = self._tokenizer.encode(picture.sentences)
        hidden = rng.random(token_ids.shape) < self._unknown_probability
        token_ids[hidden & (token_ids >= self._first_word)] = self._unknown
        return ReadPicture(picture, token_ids, attention_mask)


def join_pictures(items: list[ReadPicture]) -> ReferringBatch:
    """Return the images as one batch; padding that no text prompt needs is cut off."""
    pictures = [item.picture for item in items]
    attention_mask = np.concatenate([item.attention_mask for item in items])
    longest = int(attention_mask.sum(1).max())
    token_ids = np.concatenate([item.token_ids for item in items])
    return ReferringBatch(
        images=torch.from_numpy(np.stack([picture.image for picture in pictures])),
        labels=torch.from_numpy(np.stack([picture.labels for picture in pictures])).long(),
        masks=torch.from_numpy(np.concatenate([picture.masks for picture in pictures])),
        token_ids=torch.from_numpy(token_ids[:, :longest]),
        attention_mask=torch.from_numpy(attention_mask[:, :longest]),
        sentences=[sentence for picture in pictures for sentence in picture.sentences],
    )
