"""How an external network's output becomes labels and confidence: decided, computed, as nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mmseg_models.external.network import ExternalNetwork
from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.labels import LabelSpace

KINDS = ('logits', 'probabilities', 'labels')
CERTAIN, UNKNOWN_CLASS = 255, 1
"""Confidence of networks that answer with labels alone; and where these are of no class."""

_AXES_ARE_INPUTS = 18
_LARGEST_LABEL = 255
_PASSED = frozenset(
    ('Identity', 'Cast', 'Transpose', 'Resize', 'Upsample', 'Reshape', 'Squeeze', 'Unsqueeze')
)
_Images: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """What one output of the network is.

    Attributes:
        name: The output. kind: One of `KINDS`. channels_last: Whether classes are the last axis.
        binary: Whether one channel scores the second of two classes.
        rows: Its height, pixels. columns: Its width. classes: Number of classes.
        ignore_id: Label of pixels whose label is of no class.
    """

    name: str
    kind: str
    channels_last: bool
    binary: bool
    rows: int
    columns: int
    classes: int
    ignore_id: int

    def read(self, found: NDArray[Any], height: int, width: int) -> tuple[_Images, _Images]:
        """Return labels and confidence, H x W uint8, of what the network answered."""
        size = (width, height)
        if self.kind == 'labels':
            ids = found.reshape(self.rows, self.columns).astype(np.int32)
            ids = cv2.resize(
                ids.astype(np.float32), size, interpolation=cv2.INTER_NEAREST_EXACT
            ).astype(np.int64)
            known = (ids >= 0) & (ids < self.classes)
            confidence = np.where(known, CERTAIN, UNKNOWN_CLASS).astype(np.uint8)
            return np.where(known, ids, self.ignore_id).astype(np.uint8), confidence
        scores = np.ascontiguousarray(
            found[0].transpose(2, 0, 1) if self.channels_last else found[0], np.float32
        )
        if self.binary:
            other = 1.0 - scores if self.kind == 'probabilities' else -scores
            factor = 1.0 if self.kind == 'probabilities' else 0.5
            scores = np.float32(factor) * np.concatenate([other, scores])
        scores = np.stack([cv2.resize(plane, size) for plane in scores])
        best = scores.max(axis=0)
        if self.kind == 'logits':
            best = 1.0 / np.exp(scores - best).sum(axis=0)
        known = ~np.isnan(best)
        confidence = np.clip(np.rint(255.0 * np.where(known, best, 0.0)), 1, 255)
        labels = np.where(known, scores.argmax(axis=0), self.ignore_id)
        return labels.astype(np.uint8), (confidence * known).astype(np.uint8)


def plan_answer(
    network: ExternalNetwork,
    found: Mapping[str, NDArray[Any]],
    label_space: LabelSpace,
    name: str | None = None,
    kind: str | None = None,
) -> AnswerPlan:
    """Decide what the network's output is, by what it answered once.

    Args:
        network: The network.
        found: Its outputs by name.
        label_space: The classes.
        name: The output to read; None takes the only one that fits.
        kind: One of `KINDS`; None looks at type, shape and last operator.

    Raises:
        BundleError: No output fits or more than one; the message says why.
    """
    if label_space.ignore_id > _LARGEST_LABEL or label_space.num_classes > _LARGEST_LABEL:
        raise BundleError(
            f'{label_space.id!r} has {label_space.num_classes} classes and the ignored id '
            f'{label_space.ignore_id}; labels are one byte.'
        )
    if name is not None and name not in found:
        raise BundleError(f'{network.path} has no output {name!r}; it has {", ".join(found)}.')
    plans, reasons = [], []
    for output in [name] if name is not None else list(found):
        plan = _plan(network, output, found[output], label_space, kind)
        if isinstance(plan, AnswerPlan):
            plans.append(plan)
        else:
            reasons.append(plan)
    if not plans:
        raise BundleError(f'{network.path}: no output can be read. {" ".join(reasons)}')
    if len(plans) > 1:
        raise BundleError(
            f'{network.path}: the outputs {", ".join(plan.name for plan in plans)} all fit; '
            'choose one with --output-name.'
        )
    return plans[0]


def _plan(
    network: ExternalNetwork, name: str, value: NDArray[Any], space: LabelSpace, kind: str | None
) -> AnswerPlan | str:
    """Return the plan, or the reason why there is none."""
    shape, classes, ignored = value.shape, space.num_classes, space.ignore_id
    where = f'{name!r} is {value.dtype} of shape {" x ".join(map(str, shape))}'
    is_float = value.dtype.kind == 'f'
    as_labels = kind == 'labels' or (kind is None and value.dtype.kind in 'iu')
    if as_labels:
        sides = _label_sides(shape)
        if sides is None:
            return f'{where}: labels must be 1 x H x W.'
        return AnswerPlan(name, 'labels', False, False, *sides, classes, ignored)
    if not is_float:
        return f'{where}: {kind or "scores"} must be floats.'
    if len(shape) != 4 or shape[0] != 1:
        return f'{where}: scores must be 1 x classes x H x W or 1 x H x W x classes.'
    if kind is None:
        last = network.made_by(name, _PASSED)
        kind = 'probabilities' if last in ('Softmax', 'Sigmoid') else 'logits'
    count = classes if classes in (shape[1], shape[3]) or classes != 2 else 1
    if count not in (shape[1], shape[3]):
        return (
            f'{where}: neither axis of classes has {classes}, as the label space has; name '
            'another with --labels.'
        )
    last_axis = shape[1] != count
    rows, columns = shape[1:3] if last_axis else shape[2:]
    return AnswerPlan(name, kind, last_axis, count != classes, rows, columns, classes, ignored)


def _label_sides(shape: tuple[int, ...]) -> tuple[int, int] | None:
    sides = [size for size in shape if size != 1]
    if len(sides) == 2:
        return sides[0], sides[1]
    return None


def answer_nodes(
    plan: AnswerPlan, source: str, height: int, width: int, opset: int
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return nodes and constants that make `labels` and `confidence`, 1 x H x W uint8.

    Args:
        plan: What the value is.
        source: Name of the value.
        height: Rows of the answer.
        width: Columns.
        opset: Version of the operators.
    """
    writer = _Writer(opset)
    if plan.kind == 'labels':
        _label_nodes(writer, plan, source, height, width)
    else:
        _score_nodes(writer, plan, source, height, width)
    return writer.nodes, writer.constants


class _Writer:
    """Collects nodes; values are named by their number."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str = '', **attributes: Any) -> str:
        name = output or f'post/{len(self.nodes)}'
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f'post/constant/{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def largest(self, source: str) -> str:
        """Return the largest of axis 1, which stays."""
        if self.opset >= _AXES_ARE_INPUTS:
            return self.add('ReduceMax', source, self.constant([1], np.int64))
        return self.add('ReduceMax', source, axes=[1])

    def resize(self, source: str, channels: int, sides: tuple[int, int], mode: str) -> str:
        sizes = self.constant([1, channels, *sides], np.int64)
        extra = {'nearest_mode': 'round_prefer_ceil'} if mode == 'nearest' else {}
        return self.add(
            'Resize',
            *(source, '', '', sizes),
            mode=mode,
            coordinate_transformation_mode='half_pixel',
            **extra,
        )


def _label_nodes(writer: _Writer, plan: AnswerPlan, source: str, height: int, width: int) -> None:
    shape = writer.constant([1, 1, plan.rows, plan.columns], np.int64)
    ids = writer.add('Cast', writer.add('Reshape', source, shape), to=TensorProto.FLOAT)
    if (plan.rows, plan.columns) != (height, width):
        ids = writer.resize(ids, 1, (height, width), 'nearest')
    ids = writer.add('Squeeze', ids, writer.constant([1], np.int64))
    low = writer.add('GreaterOrEqual', ids, writer.constant(0))
    high = writer.add('Less', ids, writer.constant(plan.classes))
    known = writer.add('And', low, high)
    label = writer.add('Where', known, ids, writer.constant(plan.ignore_id))
    sure = writer.add('Where', known, writer.constant(CERTAIN), writer.constant(UNKNOWN_CLASS))
    writer.add('Cast', label, output='labels', to=TensorProto.UINT8)
    writer.add('Cast', sure, output='confidence', to=TensorProto.UINT8)


def _score_nodes(writer: _Writer, plan: AnswerPlan, source: str, height: int, width: int) -> None:
    scores = writer.add('Cast', source, to=TensorProto.FLOAT)
    if plan.channels_last:
        scores = writer.add('Transpose', scores, perm=[0, 3, 1, 2])
    if plan.binary:
        scores = _two_classes(writer, plan, scores)
    if (plan.rows, plan.columns) != (height, width):
        scores = writer.resize(scores, plan.classes, (height, width), 'linear')
    best = writer.largest(scores)
    labels = writer.add('ArgMax', scores, axis=1, keepdims=0)
    writer.add('Cast', labels, output='labels', to=TensorProto.UINT8)
    axis = writer.constant([1], np.int64)
    if plan.kind == 'logits':
        parts = writer.add('Exp', writer.add('Sub', scores, best))
        total = writer.add('ReduceSum', parts, axis, keepdims=0)
        share = writer.add('Div', writer.constant(255), total)
        # Not-a-number fails the comparison; the confidence 0 marks the pixel.
        valid = writer.add('GreaterOrEqual', total, writer.constant(1))
    else:
        best = writer.add('Squeeze', best, axis)
        share = writer.add('Mul', best, writer.constant(255))
        valid = writer.add('GreaterOrEqual', best, writer.constant(-1))
    share = writer.add('Clip', share, writer.constant(1), writer.constant(255))
    sure = writer.add('Where', valid, writer.add('Round', share), writer.constant(0))
    writer.add('Cast', sure, output='confidence', to=TensorProto.UINT8)


def _two_classes(writer: _Writer, plan: AnswerPlan, scores: str) -> str:
    """Return both classes of one channel: the softmax of -x/2 and x/2 is the sigmoid of x."""
    if plan.kind == 'probabilities':
        other = writer.add('Sub', writer.constant(1), scores)
    else:
        scores = writer.add('Mul', scores, writer.constant(0.5))
        other = writer.add('Neg', scores)
    return writer.add('Concat', other, scores, axis=1)
