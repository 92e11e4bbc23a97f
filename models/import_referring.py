"""An authors' checkpoint of a referring network becomes a model and its bundle's manifest."""

from __future__ import annotations

from pathlib import Path

from mmseg_models.checkpoint_kind import inferred_options
from mmseg_models.crossvlt import CrossVLT
from mmseg_models.crossvlt.checkpoint_options import infer_options
from mmseg_models.reference_weights import import_reference
from mmseg_models.registry import create_referring_model
from mmseg_models.tensors import read_tensors
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.datasets.statistics import IMAGENET
from mmseg_ros.referring.bundle import ReferringManifest
from mmseg_ros.referring.tokenizer import Tokenizer

NAME = 'crossvlt'
SIZE = (480, 480)
"""Rows and columns that the authors train and score at, pixels."""
MAX_TOKENS = 21
"""Tokens of a text prompt there, with the first and the last."""


def import_authors_referring(file: Path | str) -> CrossVLT:
    """Return CrossVLT with the weights of a checkpoint, its options read from the tensors.

    Args:
        file: The authors' file; released ones have no temperature, which stays 1.

    Raises:
        ConfigError: The file cannot be read, is of another model, or a tensor is missing,
            unexpected or of another shape.
    """
    tensors = read_tensors(file)
    options = inferred_options(file, tensors, NAME, infer_options)
    model = create_referring_model(NAME, **options)
    import_reference(model, tensors)
    return model


def read_vocabulary(file: Path | str, model: CrossVLT) -> list[str]:
    """Return the tokens of a vocabulary file, one per line, that a model was trained with.

    Raises:
        ConfigError: It cannot be used, or has another number of tokens than the model.
    """
    Tokenizer(file)  # tells what is wrong with it
    tokens = Path(file).read_text(encoding='utf-8').removesuffix('\n').split('\n')
    if len(tokens) != model.vocabulary_size:
        raise ConfigError(
            f'{file} has {len(tokens)} tokens, but the checkpoint was trained with '
            f'{model.vocabulary_size}; give the vocabulary of its text encoder (vocab.txt of '
            'bert-base-uncased).'
        )
    return tokens


def authors_referring_manifest(
    model: CrossVLT, name: str, size: tuple[int, int], licence: str
) -> ReferringManifest:
    """Return the manifest of an imported referring model, still without files.

    Args:
        model: The imported model.
        name: Name of the bundle.
        size: Height and width of the network's input, pixels.
        licence: SPDX identifier of the weights.
    """
    return ReferringManifest(
        name=name,
        model=NAME,
        model_options=model.options,
        height=size[0],
        width=size[1],
        mean=IMAGENET.mean,
        std=IMAGENET.std,
        max_tokens=min(MAX_TOKENS, model.max_tokens),
        precision='fp32',
        training={'source': "the authors' checkpoint"},
        metrics={},
        licence=licence,
    )
