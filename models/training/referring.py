"""Training of a referring network: what one step learns from, and how weights are scored."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from mmseg_models.crossvlt.losses import ReferringLoss
from mmseg_models.crossvlt.vocabulary import train_vocabulary
from mmseg_models.fitted import scores_on_image
from mmseg_models.tensors import load_strict
from mmseg_models.training.loading import StepSampler, training_loader
from mmseg_models.training.paraphrase import wordings
from mmseg_models.training.parts import Part, part_rows
from mmseg_models.training.processes import summed
from mmseg_models.training.referring_checkpoint import (
    ReferringInfo,
    load_referring,
    normalized,
    save_referring,
)
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_models.training.referring_data import (
    Picture,
    PictureVariation,
    load_pictures,
)
from mmseg_models.training.referring_loading import ReferringBatch, VariedPictures, join_pictures
from mmseg_models.training.referring_network import Trainee, build_trainee
from mmseg_models.training.referring_validation import (
    Question,
    Segmenter,
    best_mask,
    pixel_counts,
    questions,
    scores_of,
    shuffled,
)
from mmseg_models.training.simulated_data import ensure_data
from mmseg_models.training.task import Scores
from mmseg_ros.datasets.refer import UNLABELED
from mmseg_ros.datasets.refer_reader import open_referring
from mmseg_ros.datasets.refer_sim import REGIONS
from mmseg_ros.datasets.statistics import IMAGENET
from mmseg_ros.projection.fit import Fit
from mmseg_ros.projection.images import scaled_plane
from mmseg_ros.referring.tokenizer import Tokenizer

LOG = logging.getLogger(__name__)
VOCABULARY_FILE = 'vocab.txt'
_CLASSES_END = 0.2


class ReferringTask:
    """A network that finds the pixels that a text prompt means; see `Task`.

    Args:
        recipe: What is trained on what. fabric: Device, precision and processes.

    Raises:
        ConfigError: An option is wrong, or first weights do not fit.
        DatasetError: The data set is incomplete.
    """

    def __init__(self, recipe: ReferringRecipe, fabric: Fabric) -> None:
        self.recipe = recipe
        self.batch_size = recipe.data.images
        self.validate_every = recipe.validate_every
        self._fabric = fabric
        data = recipe.data
        ensure_data(data.roots[0], data.simulate)
        train = [open_referring(r, 'train', data.split_by, data.images_in) for r in data.roots]
        self._pictures = load_pictures(train, data.min_share)
        val = open_referring(data.roots[0], 'val', data.split_by, data.images_in)
        self._validation = load_pictures([val], 0.0)
        self.num_items = len(self._pictures)
        file = Path(data.vocabulary or Path(recipe.run_dir) / VOCABULARY_FILE)
        with fabric.rank_zero_first():
            if not data.vocabulary and not file.exists():
                train_vocabulary(_all_wordings(self._pictures), file)
        self._vocabulary = file.read_text(encoding='utf-8').split('\n')[:-1]
        self._tokenizer = Tokenizer(file, data.max_tokens)
        LOG.info('%d images, %d tokens', self.num_items, len(self._vocabulary))
        self.network: Trainee = build_trainee(recipe, len(self._vocabulary))
        self._loss = fabric.to_device(ReferringLoss(recipe.loss.dice))

    def begin(self, average: nn.Module) -> None:
        """Need nothing of the average."""

    def loader(self, sampler: StepSampler) -> DataLoader[Any]:
        """Return a loader of varied images with text prompts."""
        data, augmentation = self.recipe.data, self.recipe.augmentation
        items = VariedPictures(
            self._pictures,
            PictureVariation(data.height, data.width, data.sentences, augmentation),
            self._tokenizer,
            self._vocabulary,
            augmentation.unknown_probability,
            self.recipe.seed,
        )
        return training_loader(items, sampler, data.workers, join_pictures)

    def parts(self, batch: ReferringBatch, count: int) -> list[Part[ReferringBatch]]:
        """Return the images, each with its text prompts, in equal parts."""
        rows = part_rows(len(batch.images), count)
        return [Part(batch.of_images(part), part, 1.0 / count) for part in rows]

    def loss(self, model: Any, part: Part[ReferringBatch], step: int) -> Tensor:
        """Return the loss of the masks, and of the class of every pixel, which fades."""
        batch = part.batch
        images = normalized(batch.images, IMAGENET.mean, IMAGENET.std)
        reading, classes = model.training_terms(images, batch.token_ids, batch.attention_mask)
        loss: Tensor = self._loss(reading, batch.masks)
        if classes is not None:
            fading = 1 + (_CLASSES_END - 1) * step / self.recipe.steps
            weight = self.recipe.loss.classes * fading
            loss = loss + weight * _class_loss(classes, batch.labels)
        return loss * part.share

    def describe(self, batch: ReferringBatch, step: int) -> str:
        """Name the text prompts."""
        return f'the text prompts {batch.sentences}'

    def score(self, average: nn.Module, final: bool) -> Scores:
        """Score some text prompts, or at the end all, as they are and shuffled."""
        least = self.recipe.data.min_share
        asked = questions(self._validation, least, 0 if final else self.recipe.validate_samples)
        segment = segmenter(_network(average), self._tokenizer, self._info(0, {}))
        rows = self._rows(segment, asked)
        decisive = rows.get('thing', rows['all'])['miou']
        if final:
            mixed = self._rows(segment, shuffled(asked))
            rows = {**rows, **{f'shuffled {name}': row for name, row in mixed.items()}}
        return Scores(rows, decisive)

    def draw(self, average: nn.Module, folder: Path) -> None:
        """Write no images."""

    def save(self, path: Path, average: nn.Module, step: int, rows: Mapping[str, Any]) -> None:
        """Write weights as `load_referring` reads them."""
        save_referring(path, _network(average).state_dict(), self._info(step, dict(rows)))

    def load(self, run_dir: Path, average: nn.Module) -> int:
        """Read the best weights of a run into `average` and return the step they are of."""
        network, info = load_referring(run_dir)
        load_strict(_network(average), network.state_dict(), source=str(run_dir))
        return info.step

    def _rows(self, segment: Segmenter, asked: Sequence[Question]) -> dict[str, dict[str, float]]:
        """Return the scores of all questions, of which each process asks its share."""
        rank, total = self._fabric.global_rank, self._fabric.world_size
        counts_Q2 = np.zeros((len(asked), 2), np.int64)
        counts_Q2[rank::total] = pixel_counts(segment, asked[rank::total])
        return scores_of(asked, summed(self._fabric, counts_Q2))

    def _info(self, step: int, metrics: dict[str, Any]) -> ReferringInfo:
        data = self.recipe.data
        return ReferringInfo(
            model=self.recipe.model,
            options=self.network.network.options,
            vocabulary=self._vocabulary,
            max_tokens=data.max_tokens,
            mean=IMAGENET.mean,
            std=IMAGENET.std,
            height=data.height,
            width=data.width,
            step=step,
            metrics=metrics,
            recipe=self.recipe.to_dict(),
        )


def segmenter(network: nn.Module, tokenizer: Tokenizer, info: ReferringInfo) -> Segmenter:
    """Return a function from an image of any size and sentences to masks of that size."""
    network.eval()
    device = next(network.parameters()).device

    def segment(image: NDArray[np.uint8], sentences: list[str]) -> NDArray[np.bool_]:
        tokens = (torch.from_numpy(x).to(device) for x in tokenizer.encode(sentences))
        with torch.inference_mode():
            size = (info.height, info.width)
            placed = Fit.of((image.shape[0], image.shape[1]), size)
            if not placed.is_whole:
                image = scaled_plane(image, placed.scaled_height, placed.scaled_width).values
            x = info.normalized(torch.from_numpy(placed.lay(image))[None].to(device))
            if x.shape[2:] != size:
                x = functional.interpolate(x, size, mode='bilinear', antialias=True)
            logits = scores_on_image(network(x, *tokens), placed)
        return best_mask(logits)

    return segment


def _network(average: nn.Module) -> nn.Module:
    """Return the network of a `Trainee` or of an average of one."""
    return average.get_submodule('network')


def _class_loss(logits_NKHW: Tensor, labels_BHW: Tensor) -> Tensor:
    rows, columns = logits_NKHW.shape[2:]
    labels_B1HW = labels_BHW[:, None].float()
    small_BHW = functional.interpolate(labels_B1HW, (rows, columns), mode='nearest')[:, 0].long()
    labels_NHW = small_BHW.repeat_interleave(len(logits_NKHW) // len(small_BHW), dim=0)
    total = functional.cross_entropy(
        logits_NKHW.float(), labels_NHW, ignore_index=UNLABELED, reduction='sum'
    )
    return total / (labels_NHW != UNLABELED).sum().clamp(min=1)


def _all_wordings(pictures: Sequence[Picture]) -> list[str]:
    sentences = {s for picture in pictures for t in picture.targets for s in t.sentences}
    return sorted({said for s in sentences | set(REGIONS) for said in wordings(s)})
