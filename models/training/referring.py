"""Training of a referring network, from a recipe with `task: referring`."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.crossvlt import CrossVLT
from mmseg_models.crossvlt.losses import ReferringLoss
from mmseg_models.crossvlt.vocabulary import train_vocabulary
from mmseg_models.registry import create_model
from mmseg_models.tensors import load_strict
from mmseg_models.training.checkpoint import (
    Position,
    Trainables,
    generator_state,
    latest_checkpoint,
    load_checkpoint,
    restore_generators,
    save_checkpoint,
)
from mmseg_models.training.paraphrase import wordings
from mmseg_models.training.referring_checkpoint import (
    ReferringInfo,
    load_encoder,
    load_referring,
    normalized,
    save_referring,
)
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_models.training.referring_data import (
    IGNORED,
    Picture,
    ReferringBatch,
    ReferringSampler,
    load_pictures,
)
from mmseg_models.training.referring_validation import (
    Segmenter,
    best_mask,
    questions,
    score,
    shuffled,
)
from mmseg_models.training.run_log import RunLog, write_run_files
from mmseg_models.training.simulated_data import ensure_data
from mmseg_models.training.trained_weights import BEST_FILE
from mmseg_ros.core.errors import TrainingError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.refer_sim import REGIONS, SimulatedReferring
from mmseg_ros.datasets.statistics import IMAGENET
from mmseg_ros.referring.tokenizer import UNKNOWN, Tokenizer

LOG = logging.getLogger(__name__)
VOCABULARY_FILE = 'vocab.txt'
_CLASSES_END = 0.2


class Trainee(nn.Module):
    """The network, and a layer that only training has: the class of every pixel.

    Args:
        network: What is trained. num_classes: Classes of the labels.
    """

    def __init__(self, network: CrossVLT, num_classes: int) -> None:
        super().__init__()
        self.network = network
        self.classes = nn.Conv2d(network.classify.in_channels, num_classes, 1)


@dataclass
class ReferringRun:
    """State and settings of one run."""

    recipe: ReferringRecipe
    tokenizer: Tokenizer
    vocabulary: list[str]
    trainables: Trainables
    sampler: ReferringSampler
    loss: ReferringLoss
    validation: list[Picture]
    log: RunLog
    step: int
    best_miou: float

    @property
    def run_dir(self) -> Path:
        """Return the run folder."""
        return Path(self.recipe.run_dir)

    def info(self, metrics: dict[str, Any]) -> ReferringInfo:
        """Return what has to be known about the current average weights."""
        data = self.recipe.data
        return ReferringInfo(
            model=self.recipe.model,
            options=self.trainables.model.network.options,
            vocabulary=self.vocabulary,
            max_tokens=data.max_tokens,
            mean=IMAGENET.mean,
            std=IMAGENET.std,
            height=data.height,
            width=data.width,
            step=self.step,
            metrics=metrics,
            recipe=self.recipe.to_dict(),
        )


def train_referring(recipe: ReferringRecipe) -> dict[str, Any]:
    """Run a recipe from its first step, or from where it stopped, to its final scores.

    Returns:
        Scores of the best weights on the whole validation split, also with shuffled text prompts.

    Raises:
        TrainingError: The loss is NaN or infinite.
    """
    run = setup(recipe)
    with run.log:
        fit(run)
        return validate_best(run)


def setup(recipe: ReferringRecipe) -> ReferringRun:
    """Read the data, build the network, and go back to a checkpoint if there is one."""
    run_dir, data = Path(recipe.run_dir), recipe.data
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    write_run_files(run_dir, recipe.to_dict())
    ensure_data(data.roots[0], data.simulate)
    sources = [SimulatedReferring(root, 'train', regions=True) for root in data.roots]
    pictures = load_pictures(sources, data.min_share)
    validation = load_pictures([SimulatedReferring(data.roots[0], 'val', regions=True)], 0.0)
    vocabulary_file = Path(data.vocabulary or run_dir / VOCABULARY_FILE)
    if not data.vocabulary and not vocabulary_file.exists():
        train_vocabulary(_all_wordings(pictures), vocabulary_file)
    vocabulary = vocabulary_file.read_text(encoding='utf-8').split('\n')[:-1]
    network = create_model(recipe.model, **{'vocabulary_size': len(vocabulary), **recipe.options})
    if recipe.init_from:
        load_strict(
            network, load_referring(recipe.init_from)[0].state_dict(), source=recipe.init_from
        )
    if recipe.encoder_from:
        load_encoder(network, recipe.encoder_from)
    trainee = Trainee(network, load_label_space().num_classes)
    trainables = Trainables.of(trainee, recipe.optimizer, recipe.steps)
    start = latest_checkpoint(run_dir) if recipe.resume == 'auto' else None
    position = Position(0, -1.0, generator_state()[None])
    if start is not None:
        position = load_checkpoint(start, trainables, recipe.to_dict())
        restore_generators(position.generators, 0)
    LOG.info('%d images, %d tokens, from step %d', len(pictures), len(vocabulary), position.step)
    return ReferringRun(
        recipe=recipe,
        tokenizer=Tokenizer(vocabulary_file, data.max_tokens),
        vocabulary=vocabulary,
        trainables=trainables,
        sampler=ReferringSampler(
            pictures, data.height, data.width, data.images, data.sentences, recipe.augmentation
        ),
        loss=ReferringLoss(recipe.loss.dice),
        validation=validation,
        log=RunLog(run_dir, position.step, recipe.steps),
        step=position.step,
        best_miou=position.best_miou,
    )


def fit(run: ReferringRun) -> None:
    """Take the remaining steps; validate, keep the best weights and write checkpoints."""
    recipe = run.recipe
    started, losses = time.monotonic(), []
    while run.step < recipe.steps:
        rng = np.random.default_rng([recipe.seed, run.step])
        loss, gradient_norm = training_step(run, run.sampler.draw(rng), rng)
        run.step += 1
        losses.append(loss)
        run.log.advance(run.step)
        if run.step % recipe.log_every == 0:
            sentences = len(losses) * recipe.data.images * recipe.data.sentences
            run.log.training_row(
                {
                    'step': run.step,
                    'epoch': run.step * recipe.data.images // len(run.sampler.pictures),
                    'loss': float(np.mean(losses)),
                    'learning_rate': run.trainables.schedule.get_last_lr()[0],
                    'gradient_norm': gradient_norm,
                    'frames_per_s': sentences / (time.monotonic() - started),
                }
            )
            started, losses = time.monotonic(), []
        is_last = run.step == recipe.steps
        if run.step % recipe.validate_every == 0 or is_last:
            paused = time.monotonic()
            validate(run)
            started += time.monotonic() - paused
        if run.step % recipe.checkpoint_every == 0 or is_last:
            position = Position(run.step, run.best_miou, generator_state()[None])
            save_checkpoint(run.run_dir, run.trainables, position, recipe.to_dict())


def training_step(
    run: ReferringRun, batch: ReferringBatch, rng: np.random.Generator
) -> tuple[float, float]:
    """Learn from one batch; return its loss and the norm of the gradient.

    Raises:
        TrainingError: The loss is NaN or infinite. The weights are left as they were.
    """
    trainee = run.trainables.model.train()
    token_ids, attention_mask = run.tokenizer.encode(batch.sentences)
    hidden = rng.random(token_ids.shape) < run.recipe.augmentation.unknown_probability
    token_ids[hidden & (token_ids >= _first_word(run))] = run.vocabulary.index(UNKNOWN)
    longest = int(attention_mask.sum(1).max())
    images = normalized(torch.from_numpy(batch.images), IMAGENET.mean, IMAGENET.std)
    reading = trainee.network.read(
        images,
        torch.from_numpy(token_ids[:, :longest]),
        torch.from_numpy(attention_mask[:, :longest]),
    )
    loss = run.loss(reading, torch.from_numpy(batch.masks))
    weight = run.recipe.loss.classes
    if weight:
        weight *= 1 + (_CLASSES_END - 1) * run.step / run.recipe.steps
        loss = loss + weight * _class_loss(trainee.classes(reading.pixels), batch)
    if not torch.isfinite(loss):
        raise TrainingError(f'The loss is {loss.item()} at step {run.step}: {batch.sentences}.')
    run.trainables.optimizer.zero_grad()
    loss.backward()
    limit = run.recipe.optimizer.clip_norm or float('inf')
    gradient_norm = nn.utils.clip_grad_norm_(trainee.parameters(), limit)
    run.trainables.optimizer.step()
    run.trainables.schedule.step()
    run.trainables.average.update_parameters(trainee)
    return float(loss.detach()), float(gradient_norm)


def validate(run: ReferringRun) -> None:
    """Score the averaged weights on some text prompts; keep them if they are the best."""
    asked = questions(run.validation, run.recipe.data.min_share, run.recipe.validate_samples)
    segment = segmenter(run.trainables.average.module.network, run.tokenizer, run.info({}))
    metrics = score(segment, asked)
    run.log.validation_row(run.step, metrics, final=False)
    things = metrics.get('thing', metrics['all'])['miou']
    if things > run.best_miou:
        run.best_miou = things
        _keep(run, metrics)


def validate_best(run: ReferringRun) -> dict[str, Any]:
    """Score the best weights on all prompts, as they are and shuffled; store that with them."""
    network, info = load_referring(run.run_dir)
    asked = questions(run.validation, run.recipe.data.min_share)
    segment = segmenter(network, run.tokenizer, info)
    metrics = score(segment, asked)
    metrics |= {f'shuffled {k}': v for k, v in score(segment, shuffled(asked)).items()}
    run.log.validation_row(run.step, metrics, final=True)
    run.step = info.step
    save_referring(run.run_dir / BEST_FILE, network.state_dict(), run.info(metrics))
    return metrics


def segmenter(network: nn.Module, tokenizer: Tokenizer, info: ReferringInfo) -> Segmenter:
    """Return a function from an image of any size and sentences to masks of that size."""
    network.eval()

    def segment(image: NDArray[np.uint8], sentences: list[str]) -> NDArray[np.bool_]:
        token_ids, attention_mask = (torch.from_numpy(x) for x in tokenizer.encode(sentences))
        with torch.inference_mode():
            x = info.normalized(torch.from_numpy(image)[None])
            size = (info.height, info.width)
            if x.shape[2:] != size:
                x = functional.interpolate(x, size, mode='bilinear', antialias=True)
            logits = network(x, token_ids, attention_mask)
            if image.shape[:2] != size:
                logits = functional.interpolate(logits, image.shape[:2], mode='bilinear')
        return best_mask(logits)

    return segment


def _class_loss(logits_NKHW: Tensor, batch: ReferringBatch) -> Tensor:
    rows, columns = logits_NKHW.shape[2:]
    labels_B1HW = torch.from_numpy(batch.labels)[:, None].float()
    small_BHW = functional.interpolate(labels_B1HW, (rows, columns), mode='nearest')[:, 0].long()
    labels_NHW = small_BHW.repeat_interleave(len(logits_NKHW) // len(small_BHW), dim=0)
    return functional.cross_entropy(logits_NKHW, labels_NHW, ignore_index=IGNORED)


def _first_word(run: ReferringRun) -> int:
    return sum(token.startswith('[') for token in run.vocabulary)


def _all_wordings(pictures: Sequence[Picture]) -> list[str]:
    sentences = {s for picture in pictures for t in picture.targets for s in t.sentences}
    return sorted({said for s in sentences | set(REGIONS) for said in wordings(s)})


def _keep(run: ReferringRun, metrics: dict[str, Any]) -> None:
    state = run.trainables.average.module.network.state_dict()
    save_referring(run.run_dir / BEST_FILE, state, run.info(metrics))
