"""Which operators of an int8 graph stay float: the last ones, as few as the parity gate needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from mmseg_models.export.calibration import Feed
from mmseg_models.export.parity import TOLERANCES, Tolerance
from mmseg_models.export.quantised_graph import quantise
from mmseg_ros.core.atomic_files import write_bytes
from mmseg_ros.inference.graph import OUTPUT_NAMES

SPARED = (0, 4, 8, 16, 32)
"""How many are tried. The head decides the confidence, and its few layers cost little in float."""

_INT8, _FP32 = TOLERANCES['int8'], TOLERANCES['fp32']
ROOM = Tolerance(
    _INT8.agreement + 1.0 - _FP32.agreement,
    _INT8.confidence - _FP32.confidence,
    _INT8.router - _FP32.router,
)
"""What is left of the gate, which compares with torch, after the float graph took its part."""

_Answers = dict[bytes, list[np.ndarray]]


def quantise_within_gate(path: Path, feeds: Sequence[Feed], probes: Sequence[Feed]) -> int:
    """Rewrite an exported graph in place so that it answers like the float one.

    Args:
        path: The graph, with its weights inside.
        feeds: Inputs that the values of the network are measured on.
        probes: Inputs on which both graphs are compared, for each subset that the graph serves.

    Returns:
        How many operators stay float that could have been quantized; with the last of `SPARED`
        the gate may still be missed, and says so.
    """
    exact = path.read_bytes()
    expected = _answers(exact, probes)
    for spared in SPARED:
        write_bytes(path, exact)
        quantise(path, feeds, spared)
        if _is_within(_answers(path.read_bytes(), probes), expected):
            break
    return spared


def _answers(graph: bytes, probes: Iterable[Feed]) -> _Answers:
    """Return labels and confidence of all frames (2 x N x H x W) per subset."""
    session = onnxruntime.InferenceSession(graph, providers=['CPUExecutionProvider'])
    found: _Answers = {}
    for feed in probes:
        subset = next(values for name, values in feed.items() if name != 'images')
        answer = np.stack(session.run(list(OUTPUT_NAMES), feed))
        found.setdefault(subset.tobytes(), []).append(answer.astype(np.int16))
    return found


def _is_within(found: _Answers, expected: _Answers) -> bool:
    for subset, answers in found.items():
        labels, confidence = np.stack(answers, axis=1)
        exact_labels, exact_confidence = np.stack(expected[subset], axis=1)
        equal = labels == exact_labels
        differences = np.abs(confidence - exact_confidence)[equal]
        if equal.mean() < ROOM.agreement or differences.max(initial=0) > ROOM.confidence:
            return False
    return True
