"""Which graphs a bundle needs so that a dropped sensor saves its share of the time."""

from __future__ import annotations

from itertools import combinations

import torch

from mmseg_models.export.onnx_graph import DeployedGraph, SubsetGraph

Members = tuple[int, ...]


def group_subsets(graph: DeployedGraph, height: int, width: int) -> list[list[Members]]:
    """Return all non-empty subsets of the modalities, those together that one graph can serve.

    Two subsets of equal size share a graph if the network treats their modalities alike (no
    weights of their own): then it answers the same images, normalized alike, equally for both.

    Args:
        graph: The deployed network.
        height: Rows of its input.
        width: Columns of its input.
    """
    groups: list[list[Members]] = []
    total = len(graph.model.modalities)
    for count in range(1, total + 1):
        probe = torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(0))
        found: list[tuple[list[torch.Tensor], list[Members]]] = []
        for members in combinations(range(total), count):
            scores = _scores(SubsetGraph(graph, members), probe)
            match = next((group for known, group in found if _equal(known, scores)), None)
            if match is None:
                found.append((scores, [members]))
            else:
                match.append(members)
        groups += [group for _, group in found]
    return groups


@torch.inference_mode()
def _scores(graph: SubsetGraph, x_ACHW: torch.Tensor) -> list[torch.Tensor]:
    found = graph.scores(x_ACHW.to(graph.normalization.dtype))
    return [tensor for tensor in found if tensor is not None]


def _equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
