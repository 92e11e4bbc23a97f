"""Writes a bundle: graphs, weights, manifest and model card, or nothing at all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save

from mmseg_models.export.calibration import (
    FRAMES,
    Feed,
    calibration_images,
    masked_feeds,
    masked_probes,
    subset_feeds,
    subset_probes,
)
from mmseg_models.export.card import DEPLOYED, model_card
from mmseg_models.export.deployed import deployed_graph
from mmseg_models.export.deployed_scores import score_deployed
from mmseg_models.export.half_weights import half_state, with_half_weights
from mmseg_models.export.onnx_graph import (
    DeployedGraph,
    SubsetGraph,
    write_masked_graph,
    write_subset_graph,
)
from mmseg_models.export.parity import check_parity
from mmseg_models.export.shared_weights import WeightStore
from mmseg_models.export.spared_layers import quantise_within_gate
from mmseg_models.export.subset_graphs import Members, group_subsets
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_ros.core.atomic_files import (
    atomic_folder,
    require_absent,
    write_bytes,
    write_text,
)
from mmseg_ros.core.errors import BundleError
from mmseg_ros.datasets.frame import FrameSource, LabelledDataset
from mmseg_ros.inference.bundle import (
    CARD_FILE,
    CONSTANTS_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    Bundle,
    load_bundle,
    seal_bundle,
    unsealed_bundle,
)
from mmseg_ros.inference.manifest import Manifest

PARITY_FRAMES = 4
"""Of those that int8 is calibrated on; one frame alone says little about 15 subsets."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ExportData:
    """Frames that an export may use.

    Attributes:
        calibration: What the values inside the network are measured on; int8 needs it.
        scored: Labeled frames on which network and graphs are compared.
    """

    calibration: FrameSource | None = None
    scored: LabelledDataset | None = None


NO_DATA = ExportData()


def write_bundle(
    model: SegmentationModel,
    manifest: Manifest,
    path: Path,
    progress: Progress = lambda message: None,
    data: ExportData = NO_DATA,
    weights: str = 'fp32',
) -> Bundle:
    """Export `model` into the folder `path`.

    The folder appears only when the exported graphs have passed the parity gate on every subset
    of the modalities.

    Args:
        model: The trained network.
        manifest: Everything but the graphs and files, which are filled in; its precision is the
            one that weights are rounded to and graphs compute in. With `weights_in` the network's
            weights are not stored again, only what the graphs hold of them.
        path: Folder to make; must not exist.
        progress: Told each step in a few words.
        data: Frames to calibrate and to score on.
        weights: `fp32`, or `fp16`: rounded to half the room, whatever the graphs compute in.

    Raises:
        BundleError: `path` exists, int8 without frames to calibrate on, or an exported graph does
            not answer as the network does or scores worse.
        OutputError: `path` cannot be written.
        DatasetError: A data set is damaged or made for other encodings.
    """
    if manifest.precision == 'int8' and data.calibration is None:
        raise BundleError('int8 needs frames to calibrate on; pass --calibrate-on DATA_SET.')
    require_absent(path, BundleError)
    with atomic_folder(path) as draft:
        _fill(draft, model.eval().cpu(), manifest, progress, data, weights)
    return load_bundle(path)


def _fill(
    draft: Path,
    model: SegmentationModel,
    manifest: Manifest,
    progress: Progress,
    data: ExportData,
    weights: str,
) -> None:
    exact = model
    if weights == 'fp16':
        model = with_half_weights(exact)
    rounded = copy.deepcopy(model).half() if manifest.precision == 'fp16' else model
    graph = deployed_graph(rounded, manifest)
    if manifest.weights_in is None:
        state = half_state(rounded) if weights == 'fp16' else rounded.state_dict()
        stored = {name: tensor.contiguous() for name, tensor in state.items()}
        write_bytes(draft / WEIGHTS_FILE, save(stored))
    images = _calibration_images(manifest, data)
    subsets = _write_graphs(draft, graph, manifest, progress, images)
    manifest = replace(manifest, subsets=subsets)
    bundle = unsealed_bundle(draft, manifest)
    progress('comparing with torch on every subset of modalities')
    parity = check_parity(deployed_graph(model, manifest), bundle, images=_compared(images))
    if data.scored is not None:
        progress(f'scoring network and graphs on {data.scored.root}')
        deployed = score_deployed(deployed_graph(exact, manifest), bundle, data.scored).to_dict()
        manifest = replace(manifest, metrics={**manifest.metrics, DEPLOYED: deployed})
    write_text(draft / CARD_FILE, model_card(manifest, parity))
    seal_bundle(draft, manifest)


def _calibration_images(manifest: Manifest, data: ExportData) -> list[NDArray[np.uint8]]:
    if manifest.precision != 'int8' or data.calibration is None:
        return []
    return calibration_images(data.calibration, manifest)


def _write_graphs(
    draft: Path,
    graph: DeployedGraph,
    manifest: Manifest,
    progress: Progress,
    images: Sequence[NDArray[np.uint8]],
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Write all graphs; return which subsets each specialised one serves.

    Graphs are quantized if there are `images` to calibrate on.
    """
    size = (manifest.height, manifest.width)
    names = manifest.modality_names
    weights = draft / WEIGHTS_FILE if manifest.weights_in is None else None
    store = WeightStore(weights, draft / CONSTANTS_FILE)
    progress('exporting the graph for all subsets')
    # Rounded weights are a copy anyway, and are rounded with their norms.
    fold_norms = manifest.precision != 'fp32'
    write_masked_graph(graph, *size, draft / ONNX_FILE, fold_norms)
    if images:
        feeds, probes = masked_feeds(images), masked_probes(_compared(images))
        _quantise(draft / ONNX_FILE, list(feeds), list(probes), progress)
    store.link(draft / ONNX_FILE)
    served = {}
    for group in group_subsets(graph, *size):
        file = _graph_file(group, names)
        progress(f'exporting {file}')
        write_subset_graph(SubsetGraph(graph, group[0]), *size, draft / file, fold_norms)
        if images:
            feeds, probes = subset_feeds(images, group), subset_probes(_compared(images), group)
            _quantise(draft / file, list(feeds), list(probes), progress)
        store.link(draft / file)
        served[file] = tuple(tuple(names[i] for i in members) for members in group)
    return served


def _compared(images: Sequence[NDArray[np.uint8]]) -> Sequence[NDArray[np.uint8]]:
    """Return the calibration frames that int8 graphs are compared on."""
    return images[:: FRAMES // PARITY_FRAMES]


def _quantise(path: Path, feeds: list[Feed], probes: list[Feed], progress: Progress) -> None:
    spared = quantise_within_gate(path, feeds, probes)
    if spared:
        progress(f'{path.name}: the last {spared} layers stay in fp32, or it would miss the gate')


def _graph_file(group: Sequence[Members], names: Sequence[str]) -> str:
    """Name a graph after its subset, or after the number of modalities if it serves several."""
    if len(group) > 1:
        return f'model.any-{len(group[0])}.onnx'
    return f'model.{"-".join(names[i] for i in group[0])}.onnx'
