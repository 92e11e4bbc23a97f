"""Writes a bundle: network, weights, manifest and model card, or nothing at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from mmseg_models.export.card import model_card
from mmseg_models.export.onnx_graph import DeployedGraph, write_onnx
from mmseg_models.export.parity import check_parity
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.bundle import (
    CARD_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    Bundle,
    load_bundle,
    seal_bundle,
)
from mmseg_ros.inference.manifest import Manifest


def write_bundle(
    model: nn.Module,
    manifest: Manifest,
    path: Path,
    progress: Callable[[str], None] = lambda message: None,
) -> Bundle:
    """Export `model` into the folder `path`.

    The folder appears only when the exported graph has passed the parity gate on every subset
    of its modalities.

    Args:
        model: The trained network; its weights are exported as they are.
        manifest: Everything but the files, which are filled in.
        path: Folder to make; must not exist.
        progress: Told each step in a few words.

    Raises:
        BundleError: `path` exists, or the exported graph does not answer as the network does.
    """
    if path.exists():
        raise BundleError(f'{path} exists; remove it or choose another --output.')
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=path.name + '.', dir=path.parent))
    draft.chmod(0o755)
    try:
        _fill(draft, model, manifest, progress)
        draft.rename(path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return load_bundle(path)


def _fill(
    draft: Path, model: nn.Module, manifest: Manifest, progress: Callable[[str], None]
) -> None:
    model = model.eval().cpu()
    graph = DeployedGraph(
        model,
        torch.tensor([spec.mean for spec in manifest.modalities]),
        torch.tensor([spec.std for spec in manifest.modalities]),
    ).eval()
    shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
    progress('exporting to ONNX')
    write_onnx(graph, shape[0], shape[1], shape[2], draft / ONNX_FILE)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, draft / WEIGHTS_FILE)
    bundle = seal_bundle(draft, manifest)
    backend = create_backend('onnxruntime')
    backend.load(bundle)
    progress('comparing with torch on every subset of modalities')
    parity = check_parity(graph, backend, shape)
    (draft / CARD_FILE).write_text(model_card(manifest, parity), encoding='utf-8')
    seal_bundle(draft, manifest)
