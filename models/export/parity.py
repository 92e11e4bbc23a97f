"""The parity check before a bundle is written: its graphs must answer as the network does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mmseg_models.export.onnx_graph import DeployedGraph
from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.subsets import all_subsets, subset_name
from mmseg_ros.inference.backend import Prediction, create_runtime
from mmseg_ros.inference.bundle import ONNX_FILE, Bundle
from mmseg_ros.inference.graph import Graph

CELL_PX = 16


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What rounding explains in one precision.

    Attributes:
        agreement: Smallest share of equal labels.
        confidence: Largest difference of the confidence, in steps of 1/255.
        router: Largest difference of a router's weights.
    """

    agreement: float
    confidence: int
    router: float


TOLERANCES = {
    'fp32': Tolerance(0.999, 2, 1e-3),
    'fp16': Tolerance(0.99, 8, 2e-2),
    'int8': Tolerance(0.95, 64, 0.1),
}


@dataclass(frozen=True, slots=True)
class SubsetParity:
    """Agreement of one exported graph with torch on one subset of modalities.

    Attributes:
        file: The graph.
        subset: Which modalities were given.
        agreement: Share of pixels with equal labels, over all frames compared.
        confidence_difference: Largest difference of the confidence, in steps of 1/255, over the
            pixels whose labels agree.
        router_difference: Largest difference of the router's weights; 0 without a router.
    """

    file: str
    subset: tuple[str, ...]
    agreement: float
    confidence_difference: int
    router_difference: float = 0.0


def check_parity(
    graph: DeployedGraph,
    bundle: Bundle,
    runtime: str = 'onnxruntime',
    images: Sequence[NDArray[np.uint8]] = (),
) -> list[SubsetParity]:
    """Compare every graph of a bundle with torch on every subset of modalities that it serves.

    Args:
        graph: The network in torch, in full precision whatever the bundle's is.
        bundle: The exported files.
        runtime: What executes them.
        images: Frames to compare on, M x H x W x 3 uint8; none means `probe_images`, whose colors
            int8 was not calibrated on.

    Raises:
        BundleError: Labels or confidence differ by more than rounding explains.
    """
    names = bundle.manifest.modality_names
    images = images or [probe_images(bundle)]
    answers = _torch_answers(graph, images)
    found = []
    for file in (ONNX_FILE, *bundle.manifest.subsets):
        exported = Graph(bundle, create_runtime(runtime), file)
        served = bundle.manifest.subsets.get(file, all_subsets(names))
        for subset in served:
            available = np.isin(names, subset)
            predictions = [exported.infer(image, available) for image in images]
            found.append(_compare(file, subset, _stacked(predictions), answers[subset]))
        exported.close()
    _require(found, TOLERANCES[bundle.manifest.precision])
    return found


def probe_images(bundle: Bundle) -> NDArray[np.uint8]:
    """Return M x H x W x 3 uint8: colored squares, the same for every bundle of this size."""
    manifest = bundle.manifest
    rows, columns = (-(-size // CELL_PX) for size in (manifest.height, manifest.width))
    shape = (len(manifest.modalities), rows, columns, 3)
    cells = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = cells.repeat(CELL_PX, axis=1).repeat(CELL_PX, axis=2)
    return np.ascontiguousarray(images[:, : manifest.height, : manifest.width])


def _torch_answers(
    graph: DeployedGraph, images: Sequence[NDArray[np.uint8]]
) -> dict[tuple[str, ...], Prediction]:
    names = graph.model.modalities
    found = {}
    for subset in all_subsets(names):
        available = torch.tensor([[name in subset for name in names]])
        with torch.inference_mode():
            answers = [graph(torch.from_numpy(image)[None], available) for image in images]
        found[subset] = _stacked(
            [Prediction(*(tensor[0].numpy() for tensor in answer)) for answer in answers]
        )
    return found


def _stacked(predictions: Sequence[Prediction]) -> Prediction:
    """Return the answers to several frames as one, with an axis for the frames in front."""
    routers = [p.router_weights for p in predictions if p.router_weights is not None]
    return Prediction(
        np.stack([p.labels for p in predictions]),
        np.stack([p.confidence for p in predictions]),
        np.stack(routers) if routers else None,
    )


def _compare(
    file: str, subset: tuple[str, ...], found: Prediction, expected: Prediction
) -> SubsetParity:
    equal = found.labels == expected.labels
    difference = np.abs(found.confidence.astype(int) - expected.confidence.astype(int))
    return SubsetParity(
        file,
        subset,
        float(equal.mean()),
        int(difference[equal].max(initial=0)),
        _router_difference(found, expected),
    )


def _router_difference(found: Prediction, expected: Prediction) -> float:
    if expected.router_weights is None:
        return 0.0
    if found.router_weights is None:
        return math.inf
    return float(np.abs(found.router_weights - expected.router_weights).max())


def _require(found: Sequence[SubsetParity], tolerance: Tolerance) -> None:
    worst = min(found, key=lambda parity: parity.agreement)
    if worst.agreement < tolerance.agreement:
        raise BundleError(
            f'{worst.file} agrees with torch on only {worst.agreement:.4%} of the labels for the '
            f'subset {subset_name(worst.subset)}; at least {tolerance.agreement:.1%} is required.'
        )
    worst = max(found, key=lambda parity: parity.confidence_difference)
    if worst.confidence_difference > tolerance.confidence:
        raise BundleError(
            f'The confidence of {worst.file} differs from torch by '
            f'{worst.confidence_difference} steps for the subset {subset_name(worst.subset)}; at '
            f'most {tolerance.confidence} are allowed.'
        )
    worst = max(found, key=lambda parity: parity.router_difference)
    if worst.router_difference > tolerance.router:
        raise BundleError(
            f'The router weights of {worst.file} differ from torch by '
            f'{worst.router_difference:.4f} for the subset {subset_name(worst.subset)}; at most '
            f'{tolerance.router} is allowed.'
        )
