"""Writes a bundle: graphs, weights, manifest and model card, or nothing at all."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file

from mmseg_models.export.card import model_card
from mmseg_models.export.deployed import deployed_graph
from mmseg_models.export.onnx_graph import (
    DeployedGraph,
    SubsetGraph,
    write_masked_graph,
    write_subset_graph,
)
from mmseg_models.export.parity import check_parity
from mmseg_models.export.shared_weights import WeightStore
from mmseg_models.export.subset_graphs import Members, group_subsets
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.bundle import (
    CARD_FILE,
    CONSTANTS_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    Bundle,
    load_bundle,
    seal_bundle,
)
from mmseg_ros.inference.manifest import Manifest

Progress = Callable[[str], None]


def write_bundle(
    model: SegmentationModel,
    manifest: Manifest,
    path: Path,
    progress: Progress = lambda message: None,
) -> Bundle:
    """Export `model` into the folder `path`.

    The folder appears only when the exported graphs have passed the parity gate on every subset
    of the modalities.

    Args:
        model: The trained network.
        manifest: Everything but the graphs and files, which are filled in; its precision is the
            one that weights are rounded to and graphs compute in.
        path: Folder to make; must not exist.
        progress: Told each step in a few words.

    Raises:
        BundleError: `path` exists, or an exported graph does not answer as the network does.
    """
    with whole_folder(path) as draft:
        _fill(draft, model.eval().cpu(), manifest, progress)
    return load_bundle(path)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a folder beside `path` that takes its name if the block ends well, else vanishes.

    Raises:
        BundleError: `path` exists.
    """
    if path.exists():
        raise BundleError(f'{path} exists; remove it or choose another --output.')
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=path.name + '.', dir=path.parent))
    draft.chmod(0o755)
    try:
        yield draft
        draft.rename(path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _fill(draft: Path, model: SegmentationModel, manifest: Manifest, progress: Progress) -> None:
    rounded = copy.deepcopy(model).half() if manifest.precision == 'fp16' else model
    graph = deployed_graph(rounded, manifest)
    state = {name: tensor.contiguous() for name, tensor in rounded.state_dict().items()}
    save_file(state, draft / WEIGHTS_FILE)
    (draft / WEIGHTS_FILE).chmod(0o644)
    manifest = replace(manifest, subsets=_write_graphs(draft, graph, manifest, progress))
    bundle = seal_bundle(draft, manifest)
    progress('comparing with torch on every subset of modalities')
    parity = check_parity(deployed_graph(model, manifest), bundle)
    (draft / CARD_FILE).write_text(model_card(manifest, parity), encoding='utf-8')
    seal_bundle(draft, manifest)


def _write_graphs(
    draft: Path, graph: DeployedGraph, manifest: Manifest, progress: Progress
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Write all graphs; return which subsets each specialised one serves."""
    size = (manifest.height, manifest.width)
    names = manifest.modality_names
    store = WeightStore(draft / WEIGHTS_FILE, draft / CONSTANTS_FILE)
    progress('exporting the graph for all subsets')
    write_masked_graph(graph, *size, draft / ONNX_FILE)
    store.link(draft / ONNX_FILE)
    served = {}
    for group in group_subsets(graph, *size):
        file = _graph_file(group, names)
        progress(f'exporting {file}')
        write_subset_graph(SubsetGraph(graph, group[0]), *size, draft / file)
        store.link(draft / file)
        served[file] = tuple(tuple(names[i] for i in members) for members in group)
    return served


def _graph_file(group: Sequence[Members], names: Sequence[str]) -> str:
    """Name a graph after its subset, or after the number of modalities if it serves several."""
    if len(group) > 1:
        return f'model.any-{len(group[0])}.onnx'
    return f'model.{"-".join(names[i] for i in group[0])}.onnx'
