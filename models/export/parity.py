"""The gate before a bundle is written: the exported graph must answer as the network does."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from mmseg_models.export.onnx_graph import DeployedGraph
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.backend import Backend

MIN_AGREEMENT = 0.999
MAX_CONFIDENCE_DIFFERENCE = 2


@dataclass(frozen=True, slots=True)
class SubsetParity:
    """Agreement of the deployed graph with torch on one subset of modalities.

    Attributes:
        available: Which modalities were given.
        agreement: Share of pixels with equal labels.
        confidence_difference: Largest difference of the confidence, in steps of 1/255, over the
            pixels whose labels agree.
    """

    available: tuple[bool, ...]
    agreement: float
    confidence_difference: int


def check_parity(
    graph: DeployedGraph, backend: Backend, shape: tuple[int, ...]
) -> list[SubsetParity]:
    """Compare a loaded backend with torch on every non-empty subset of modalities.

    Args:
        graph: The graph in torch.
        backend: A backend that has loaded the exported file.
        shape: M, H, W, 3.

    Raises:
        BundleError: Labels or confidence differ by more than rounding explains.
    """
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (shape[0], shape[1] // 16, shape[2] // 16, 3))
    images = coarse.repeat(16, axis=1).repeat(16, axis=2).astype(np.uint8)
    found = []
    for bits in itertools.product((False, True), repeat=shape[0]):
        if any(bits):
            found.append(_compare(graph, backend, images, np.array(bits)))
    worst = min(found, key=lambda parity: parity.agreement)
    if worst.agreement < MIN_AGREEMENT:
        raise BundleError(
            f'The exported graph agrees with torch on only {worst.agreement:.4%} of the labels '
            f'for the subset {worst.available}; at least {MIN_AGREEMENT:.1%} is required.'
        )
    largest = max(parity.confidence_difference for parity in found)
    if largest > MAX_CONFIDENCE_DIFFERENCE:
        raise BundleError(
            f'The confidence of the exported graph differs from torch by {largest} steps; at '
            f'most {MAX_CONFIDENCE_DIFFERENCE} are allowed.'
        )
    return found


def _compare(
    graph: DeployedGraph, backend: Backend, images: np.ndarray, available: np.ndarray
) -> SubsetParity:
    with torch.inference_mode():
        labels, confidence = graph(
            torch.from_numpy(images)[None], torch.from_numpy(available)[None]
        )
    prediction = backend.infer(images, available)
    equal = labels[0].numpy() == prediction.labels
    difference = np.abs(confidence[0].numpy().astype(int) - prediction.confidence.astype(int))
    return SubsetParity(
        tuple(bool(v) for v in available),
        float(equal.mean()),
        int(difference[equal].max(initial=0)),
    )
