"""Zeros that a `Pad` puts around an image become the padding of the convolution that reads it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

_SPATIAL = 2


def fold_padding(graph: onnx.GraphProto) -> None:
    """Remove every `Pad` of zeros whose only readers are convolutions.

    In a quantized graph it stands between two conversions, where OpenVINO does not fold it: a
    fifth of the time of an EfficientNet with strides.
    """
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for pad in [node for node in graph.node if node.op_type == 'Pad']:
        readers = [node for node in graph.node if pad.output[0] in node.input]
        around = _around(pad, stored)
        if around is None or not all(_can_pad(node, pad.output[0]) for node in readers):
            continue
        for node in readers:
            _widen(node, around)
            node.input[0] = pad.input[0]
        graph.node.remove(pad)
    read = {name for node in graph.node for name in node.input}
    kept = [item for item in graph.initializer if item.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _around(pad: NodeProto, stored: Mapping[str, NDArray[np.generic]]) -> list[int] | None:
    """Return the zeros before and after each spatial axis, or None if it pads otherwise."""
    mode = next((item.s for item in pad.attribute if item.name == 'mode'), b'constant')
    given = list(pad.input) + [''] * (4 - len(pad.input))
    value = stored.get(given[2]) if given[2] else np.zeros(1)
    counts = stored.get(given[1])
    if mode != b'constant' or value is None or value.any() or counts is None or given[3]:
        return None
    before, after = counts.reshape(2, -1).tolist()
    if any(before[:_SPATIAL] + after[:_SPATIAL]) or min(before + after) < 0:
        return None
    return [*before[_SPATIAL:], *after[_SPATIAL:]]


def _can_pad(node: NodeProto, image: str) -> bool:
    own = next((item.s for item in node.attribute if item.name == 'auto_pad'), b'NOTSET')
    return node.op_type == 'Conv' and list(node.input).index(image) == 0 and own == b'NOTSET'


def _widen(node: NodeProto, around: list[int]) -> None:
    known = next((item for item in node.attribute if item.name == 'pads'), None)
    if known is None:
        node.attribute.append(helper.make_attribute('pads', around))
    else:
        known.ints[:] = [a + b for a, b in zip(known.ints, around, strict=True)]
