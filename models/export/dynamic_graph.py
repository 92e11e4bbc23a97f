"""One more graph, for other programs and TensorRT profiles: any size, any of the sensors."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.export.onnx_graph import Answer, DeployedGraph, output_names, write_graph
from mmseg_models.shapes import merge_axes, open_sizes, shape_of, split_axis
from mmseg_ros.core.atomic_files import atomic_file
from mmseg_ros.core.errors import BundleError

STRIDE_OF_LOGITS = 4
LEAST_AGREEMENT = 0.98
"""Of untrained networks too, whose scores lie close together in half precision."""

# In multiples of the model's divisor. No window divides the first size, so that every padding is
# traced; the others need some of it, none of it, and more of it.
_TRACED_SIZE = (3, 5)
_TRIED_SIZES = ((2, 2), (7, 4), (1, 6))


class OpenAnswer(Answer):
    """`Answer` at the size of the images, whatever that is."""

    def __init__(self) -> None:
        super().__init__(0, 0)

    def resized(self, logits_BKHW: Tensor) -> Tensor:
        """Return logits at the size of the images, bilinear."""
        return functional.interpolate(
            logits_BKHW, scale_factor=float(STRIDE_OF_LOGITS), mode='bilinear'
        )


class OpenGraph(nn.Module):
    """Takes some of the modalities in any order; computes all of them, the others masked.

    Args:
        graph: The graph for all subsets at one size, whose weights are shared.
    """

    def __init__(self, graph: DeployedGraph) -> None:
        super().__init__()
        self.graph = DeployedGraph(graph.model, graph.normalization, OpenAnswer())

    def forward(self, images: Tensor, members: Tensor) -> tuple[Tensor, ...]:
        """Return what `DeployedGraph` does.

        Args:
            images: (1, A, H, W, 3) uint8, encoded, of 1 to M modalities.
            members: (A,) int64, which modality each image is; each at most once.
        """
        places_M = torch.arange(len(self.graph.model.modalities), device=members.device)
        chosen_MA = (places_M[:, None] == members[None]).float()
        # A product with zeros and ones puts the images into their places exactly.
        # TensorRT can do nothing with 8-bit integers but cast them, so that comes first.
        x_AHWC = images.float()[0]
        placed_MHWC = split_axis(chosen_MA @ merge_axes(x_AHWC, 1, 3), 1, shape_of(x_AHWC)[1:])
        result: tuple[Tensor, ...] = self.graph(placed_MHWC[None], chosen_MA.sum(dim=1)[None] > 0)
        return result


def write_dynamic_graph(graph: DeployedGraph, path: Path) -> None:
    """Export the graph that serves 1 to M modalities at every size, with inputs as `OpenGraph`.

    Height and width are any multiples of the model's `size_divisor`. It takes the time of all M
    modalities, and static graphs are twice as fast on OpenVINO, so the nodes use those.

    Args:
        graph: The deployed network.
        path: File to write.

    Raises:
        BundleError: The model's graph keeps the size it was traced at: it answers otherwise than
            the network at another size. What stood at `path` still stands.
        OutputError: The file cannot be written.
    """
    opened = OpenGraph(graph).eval()
    pixels = {1: 'height', 2: 'width'}
    axes = {
        'images': {1: 'sensors', 2: 'height', 3: 'width'},
        'members': {0: 'sensors'},
        'labels': pixels,
        'confidence': pixels,
    }
    total, divisor = len(graph.model.modalities), graph.model.size_divisor
    everything = tuple(range(total))
    inputs = _random_inputs(everything, _scaled(_TRACED_SIZE, divisor))
    with atomic_file(path) as draft:
        with open_sizes():
            write_graph(opened, inputs, output_names(graph.model), draft, axes)
        session = onnxruntime.InferenceSession(str(draft), providers=['CPUExecutionProvider'])
        for members, size in zip(_some_subsets(total), _TRIED_SIZES, strict=True):
            tried = _random_inputs(members, _scaled(size, divisor))
            _require_equal(opened, session, tried, path.name)


def _some_subsets(total: int) -> list[tuple[int, ...]]:
    """Return all modalities, one, and all but one in descending order."""
    everything = tuple(range(total))
    some = next(combinations(everything[::-1], max(total - 1, 1)))
    return [everything, everything[-1:], some]


def _scaled(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    return size[0] * divisor, size[1] * divisor


def _random_inputs(members: tuple[int, ...], size: tuple[int, int]) -> dict[str, Tensor]:
    images = torch.randint(0, 256, (1, len(members), *size, 3), dtype=torch.uint8)
    return {'images': images, 'members': torch.tensor(members)}


def _require_equal(
    graph: OpenGraph,
    session: onnxruntime.InferenceSession,
    inputs: dict[str, Tensor],
    name: str,
) -> None:
    height, width = inputs['images'].shape[2:4]
    with torch.inference_mode():
        expected = graph(*inputs.values())[0].numpy()
    try:
        labels = session.run(['labels'], {k: v.numpy() for k, v in inputs.items()})[0]
        agreement = float((labels == expected).mean()) if labels.shape == expected.shape else 0.0
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise BundleError(f'{name} does not run at {height} x {width}: {error}') from error
    if agreement < LEAST_AGREEMENT:
        raise BundleError(
            f'{name} agrees with torch on only {agreement:.2%} of the labels at '
            f'{height} x {width}; export this model once per size.'
        )
