"""The network of a bundle, rebuilt in torch from its manifest and weights."""

from __future__ import annotations

import torch
from safetensors.torch import load_file

from mmseg_models.export.onnx_graph import Answer, DeployedGraph, Normalization, SubsetGraph
from mmseg_models.registry import create_segmentation_model
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.bundle import ONNX_FILE, Bundle
from mmseg_ros.inference.manifest import Manifest


def deployed_graph(model: SegmentationModel, manifest: Manifest) -> DeployedGraph:
    """Return a network with the normalization before it and the answer behind it.

    Args:
        model: The network; the graph computes in the type of its weights.
        manifest: Statistics and sizes.
    """
    normalization = Normalization(
        torch.tensor([spec.mean for spec in manifest.modalities]),
        torch.tensor([spec.std for spec in manifest.modalities]),
        next(model.parameters()).dtype,
    )
    return DeployedGraph(model, normalization, Answer(manifest.height, manifest.width)).eval()


def bundled_model(bundle: Bundle) -> SegmentationModel:
    """Return the network that a bundle was exported from, in full precision.

    Raises:
        BundleError: It is a network of others, which is a graph alone.
        ConfigError: This version has no such model or option.
        RuntimeError: The weights do not fit the network.
    """
    manifest = bundle.manifest
    if not manifest.has_weights:
        raise BundleError(
            f'{bundle.path} was made from an ONNX file and holds no weights to train, export or '
            'run in torch; take another backend, or export the ONNX file again where it is from.'
        )
    model = create_segmentation_model(manifest.model, **manifest.model_options)
    model.load_state_dict(load_file(bundle.weights_path))
    return model


def deployed_network(bundle: Bundle, file: str = ONNX_FILE) -> DeployedGraph | SubsetGraph:
    """Return what one of a bundle's ONNX files was exported from.

    Raises:
        ConfigError: This version has no such model or option.
        RuntimeError: The weights do not fit the network.
    """
    manifest = bundle.manifest
    model = bundled_model(bundle)
    if manifest.precision == 'fp16':
        model.half()
    graph = deployed_graph(model, manifest)
    if file == ONNX_FILE:
        return graph
    names = manifest.modality_names
    members = tuple(names.index(name) for name in manifest.subsets[file][0])
    return SubsetGraph(graph, members).eval()
