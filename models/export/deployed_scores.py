"""What the exported graphs lose against the network in torch on labeled frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from mmseg_models.export.onnx_graph import DeployedGraph
from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.datasets.frame import LabelledDataset
from mmseg_ros.evaluation.data_sets import ALL, Labeller, Subset, score_dataset
from mmseg_ros.inference.backend import Prediction, available_backends, create_runtime
from mmseg_ros.inference.bundle import ONNX_FILE, Bundle
from mmseg_ros.inference.graph import Graph
from mmseg_ros.metrics.robustness import subsets_to_score

LARGEST_LOSS = {'fp32': 0.001, 'fp16': 0.002, 'int8': 0.01}
"""How much mIoU an exported graph of each precision may lose for any subset that is scored."""

RUNTIMES = ('openvino', 'onnxruntime')


@dataclass(frozen=True, slots=True)
class DeployedScores:
    """mIoU of a network and of its exported graphs on one split of a data set.

    Attributes:
        data: Which frames.
        torch: Per subset, of the network in torch in full precision.
        graphs: The same per runtime, of the graphs that compute a subset only.
        masked: Per runtime, of the graph for all subsets with all modalities there.
    """

    data: str
    torch: dict[str, float]
    graphs: dict[str, dict[str, float]] = field(default_factory=dict)
    masked: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return plain values for the manifest."""
        return {
            'data': self.data,
            'torch': self.torch,
            **self.graphs,
            **{f'{name}, graph for all subsets': row for name, row in self.masked.items()},
        }

    def worst(self) -> tuple[str, str, float]:
        """Return runtime, subset and mIoU lost where most is lost; less than 0 is gained."""
        return max(
            (
                (runtime, subset, self.torch[subset] - row[subset])
                for rows in (self.graphs, self.masked)
                for runtime, row in rows.items()
                for subset in row
            ),
            key=lambda item: item[2],
        )


def score_deployed(
    graph: DeployedGraph, bundle: Bundle, dataset: LabelledDataset
) -> DeployedScores:
    """Score network and graphs with all modalities and without each, on every runtime here.

    The graph for all subsets, which serves until the one of a subset is ready, is scored with all
    modalities only.

    Args:
        graph: The network in torch, in full precision whatever the bundle's is.
        bundle: The exported files.
        dataset: Labeled frames with the modalities of the bundle.

    Raises:
        DatasetError: The data set is damaged or made for other encodings.
        BundleError: No pixel is labeled, or a graph loses more than `LARGEST_LOSS`.
    """
    manifest = bundle.manifest
    subsets = subsets_to_score(manifest.modality_names, 'drops')
    file_of = {subset: file for file, served in manifest.subsets.items() for subset in served}
    data = f'{dataset.root.name}, {dataset.split}, {len(dataset)} frames'
    scores = DeployedScores(data, _miou(bundle, _Network(graph), dataset, subsets))
    for runtime in (name for name in RUNTIMES if name in available_backends()):
        graphs = _Graphs(bundle, runtime, file_of)
        scores.graphs[runtime] = _miou(bundle, graphs, dataset, subsets)
        graphs.close()
        graphs = _Graphs(bundle, runtime, dict.fromkeys(subsets, ONNX_FILE))
        scores.masked[runtime] = _miou(bundle, graphs, dataset, subsets[:1])
        graphs.close()
    _require(scores, manifest.precision)
    return scores


def _miou(
    bundle: Bundle, labeller: Labeller, dataset: LabelledDataset, subsets: Sequence[Subset]
) -> dict[str, float]:
    found = score_dataset(bundle, labeller, dataset, subsets).matrices
    return {subset_name(subset): round(found[ALL, subset].miou(), 6) for subset in subsets}


def _require(scores: DeployedScores, precision: str) -> None:
    if any(math.isnan(value) for value in scores.torch.values()):
        raise BundleError(f'No pixel of {scores.data} is labeled; score on another split.')
    runtime, subset, loss = scores.worst()
    if loss > LARGEST_LOSS[precision]:
        raise BundleError(
            f'The {precision} graphs lose {loss:.4f} mIoU on {runtime} for the subset {subset} '
            f'({scores.data}); at most {LARGEST_LOSS[precision]} is allowed: export in a higher '
            'precision, or calibrate on frames like those that are scored.'
        )


class _Network:
    """The network in torch.

    Args:
        graph: Answers for every subset.
    """

    def __init__(self, graph: DeployedGraph) -> None:
        self._graph = graph

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run on one frame; see `Backend.infer`."""
        with torch.inference_mode():
            answer = self._graph(torch.from_numpy(images)[None], torch.from_numpy(available)[None])
        return Prediction(*(tensor[0].numpy() for tensor in answer))


class _Graphs:
    """Graphs of a bundle, compiled when they are first needed.

    Args:
        bundle: The bundle. runtime: Name of what runs it. file_of: Graph of each subset.
    """

    def __init__(self, bundle: Bundle, runtime: str, file_of: Mapping[Subset, str]) -> None:
        self._bundle = bundle
        self._runtime = create_runtime(runtime)
        self._file_of = file_of
        self._graphs: dict[str, Graph] = {}

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run on one frame; see `Backend.infer`."""
        names = self._bundle.manifest.modality_names
        file = self._file_of[tuple(n for n, there in zip(names, available, strict=True) if there)]
        if file not in self._graphs:
            self._graphs[file] = Graph(self._bundle, self._runtime, file)
        return self._graphs[file].infer(images, available)

    def close(self) -> None:
        """Free the graphs."""
        for graph in self._graphs.values():
            graph.close()
