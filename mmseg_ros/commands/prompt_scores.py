"""Scoring of text-prompted bundles, for `evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_ros.commands.scored import Scored

LEAST_SHARE = 0.003
"""Share of the image from which on a target of a sentence is scored."""


def is_referring(bundle: str) -> bool:
    """Return whether a bundle answers text prompts."""
    from mmseg_ros.inference.bundle import read_manifest
    from mmseg_ros.inference.manifest_reader import REFERRING, task_of

    return task_of(read_manifest(bundle)[1]) == REFERRING


def score_prompts(args: argparse.Namespace, source: Path, bundle: str) -> Scored:
    """Score a text-prompted bundle by kind and size of the target, and with wrong prompts."""
    import numpy as np

    from mmseg_models.training.referring_data import load_pictures
    from mmseg_models.training.referring_validation import full_scores
    from mmseg_ros.datasets.refer_reader import open_referring
    from mmseg_ros.referring.segmenter import load_segmenter

    pictures = load_pictures([open_referring(source, args.split)], 0.0)
    segmenter = load_segmenter(bundle, args.backend, args.threads, args.aspect)
    try:
        scores = full_scores(
            lambda image, sentences: np.asarray(segmenter.segment(image, sentences).meant),
            pictures,
            LEAST_SHARE,
        )
    finally:
        segmenter.close()
    text = ''.join(
        f'{name:58} {row["count"]:5}  mIoU {row["miou"]:.3f}\n' for name, row in scores.items()
    )
    return Scored({'schema_version': 1, 'bundle': bundle, 'scores': scores}, text)
