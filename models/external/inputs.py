"""How encoded images become what an external network takes: decided, computed, and as nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mmseg_models.external.network import ExternalNetwork, TensorInfo
from mmseg_ros.core.errors import BundleError

LAYOUTS = ('nchw', 'nhwc')
_TAKEN = ('float32', 'float16', 'uint8')
_WHOLE = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class InputPlan:
    """What one input of the network is made of.

    Attributes:
        name: The input. dtype: float32, float16 or uint8. layout: `nchw` or `nhwc`.
        parts: (place of the modality, channels of its image), in the order of the channels.
        height: Rows, pixels. width: Columns, pixels.
    """

    name: str
    dtype: np.dtype[Any]
    layout: str
    parts: tuple[tuple[int, tuple[int, ...]], ...]
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Return the size of the input."""
        count = sum(len(channels) for _, channels in self.parts)
        if self.layout == 'nchw':
            return 1, count, self.height, self.width
        return 1, self.height, self.width, count

    def feed(
        self, images: NDArray[np.uint8], mean: NDArray[Any], std: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the input for M x H x W x 3 encoded images; mean and std are M x 3, of 0..1."""
        planes: list[NDArray[Any]] = []
        for place, channels in self.parts:
            plane: NDArray[Any] = images[place]
            if self.dtype != np.uint8:
                plane = (plane.astype(np.float64) / 255.0 - mean[place]) / std[place]
            planes.append(plane[..., list(channels)])
        whole = np.concatenate(planes, axis=-1)[None]
        if self.layout == 'nchw':
            whole = whole.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(whole, self.dtype)


def plan_inputs(
    network: ExternalNetwork,
    modalities: Sequence[str],
    size: tuple[int | None, int | None],
    names: Sequence[str] = (),
    layout: str | None = None,
    bgr: bool = False,
) -> list[InputPlan]:
    """Decide what each input of a network is made of.

    One input takes all modalities, 3 channels each, or 3 of the first and 1 of every other; as
    many inputs as modalities take one each.

    Args:
        network: The network.
        modalities: Sensors, in the order of the network's inputs or channels.
        size: Height and width, pixels; None takes the network's own.
        names: Inputs in the order of the modalities; empty takes all of the network's.
        layout: One of `LAYOUTS`; None looks at the shape.
        bgr: Whether the network takes three channels as blue, green, red.

    Raises:
        BundleError: The network's inputs cannot be filled; the message says why.
    """
    chosen = _chosen(network, names)
    groups = [[i] for i in range(len(modalities))]
    if len(chosen) == 1:
        groups = [list(range(len(modalities)))]
    if len(chosen) != len(groups):
        raise BundleError(
            f'{network.path} has the inputs {", ".join(i.name for i in chosen)}, but '
            f'{len(modalities)} modalities are named ({", ".join(modalities)}); one input takes '
            'all of them, or there is one for each.'
        )
    return [
        _plan(str(network.path), info, group, size, layout, bgr)
        for info, group in zip(chosen, groups, strict=True)
    ]


def _chosen(network: ExternalNetwork, names: Sequence[str]) -> list[TensorInfo]:
    known = {info.name: info for info in network.inputs}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BundleError(
            f'{network.path} has no input {", ".join(unknown)}; it has {", ".join(known)}.'
        )
    left = [name for name in known if names and name not in names]
    if left:
        raise BundleError(
            f'{network.path} also takes {", ".join(left)}, which nothing would fill; export the '
            'network with its image inputs alone.'
        )
    return [known[name] for name in names or known]


def _plan(
    path: str,
    info: TensorInfo,
    group: Sequence[int],
    size: tuple[int | None, int | None],
    layout: str | None,
    bgr: bool,
) -> InputPlan:
    where = f'{path}: input {info.name!r} of shape {_shown(info.shape)}'
    if info.dtype.name not in _TAKEN:
        raise BundleError(f'{where} is {info.dtype.name}, not one of {", ".join(_TAKEN)}.')
    if len(info.shape) != 4:
        raise BundleError(f'{where} is no batch of images; it must have four axes.')
    if info.shape[0] not in (None, 1):
        raise BundleError(f'{where} takes {info.shape[0]} images at once; export it for one.')
    layout = layout or _layout(where, info.shape, group)
    count = info.shape[LAYOUTS.index(layout) * 2 + 1]
    parts = _parts(where, count, group, bgr)
    spatial = info.shape[2:] if layout == 'nchw' else info.shape[1:3]
    height, width = (
        _side(where, name, own, given)
        for name, own, given in zip(('height', 'width'), spatial, size, strict=True)
    )
    return InputPlan(info.name, info.dtype, layout, parts, height, width)


def _layout(where: str, shape: tuple[int | None, ...], group: Sequence[int]) -> str:
    counts = {3 * len(group), 3 + len(group) - 1} | ({1} if len(group) == 1 else set())
    fitting = [name for name, axis in zip(LAYOUTS, (1, 3), strict=True) if shape[axis] in counts]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting and None in (shape[1], shape[3]):
        raise BundleError(f'{where} leaves its channels open; say --layout nchw or nhwc.')
    if not fitting:
        raise BundleError(
            f'{where} has neither {" nor ".join(map(str, sorted(counts)))} channels, which '
            f'{len(group)} modalities fill.'
        )
    raise BundleError(f'{where} may be NCHW or NHWC; say which with --layout.')


def _parts(
    where: str, count: int | None, group: Sequence[int], bgr: bool
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    whole = _WHOLE[::-1] if bgr else _WHOLE
    if count is None or count == 3 * len(group):
        return tuple((place, whole) for place in group)
    if count == 1 and len(group) == 1:
        return ((group[0], (0,)),)
    if count == 3 + len(group) - 1:
        return ((group[0], whole), *((place, (0,)) for place in group[1:]))
    raise BundleError(f'{where} has {count} channels, which {len(group)} modalities do not fill.')


def _side(where: str, name: str, own: int | None, given: int | None) -> int:
    if own is None and given is None:
        raise BundleError(f'{where} leaves its {name} open; choose one with --{name}.')
    if own is not None and given not in (None, own):
        raise BundleError(f'{where} has {name} {own}, not {given}; leave --{name} out.')
    chosen = own if own is not None else given
    assert chosen is not None  # noqa: S101
    return chosen


def _shown(shape: Sequence[int | None]) -> str:
    return ' x '.join('?' if size is None else str(size) for size in shape)


def input_nodes(
    plans: Sequence[InputPlan], mean: NDArray[Any], std: NDArray[Any], targets: Sequence[str]
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return nodes and constants that make the inputs from `images` and `available`.

    What an absent modality's image holds is replaced by zeros.

    Args:
        plans: One per input.
        mean: M x 3, on the scale 0..1.
        std: The same for the deviations.
        targets: Names of the values to make, one per plan.
    """
    scale = 1.0 / (255.0 * std)
    shift = -mean / std
    constants = {
        'pre/mask_shape': np.array([1, len(mean), 1, 1, 1], np.int64),
        'pre/scale': scale[None, :, None, None, :].astype(np.float32),
        'pre/shift': shift[None, :, None, None, :].astype(np.float32),
    }
    nodes = [
        helper.make_node('Cast', ['images'], ['pre/raw'], to=TensorProto.FLOAT),
        helper.make_node('Cast', ['available'], ['pre/there'], to=TensorProto.FLOAT),
        helper.make_node('Reshape', ['pre/there', 'pre/mask_shape'], ['pre/mask']),
        helper.make_node('Mul', ['pre/raw', 'pre/mask'], ['pre/masked']),
        helper.make_node('Mul', ['pre/masked', 'pre/scale'], ['pre/scaled']),
        helper.make_node('Add', ['pre/scaled', 'pre/shift'], ['pre/normal']),
    ]
    for number, (plan, target) in enumerate(zip(plans, targets, strict=True)):
        nodes += _one_input(plan, target, f'pre/{number}', constants)
    return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]


def _one_input(
    plan: InputPlan, target: str, start: str, constants: dict[str, NDArray[Any]]
) -> list[onnx.NodeProto]:
    source = 'pre/masked' if plan.dtype == np.uint8 else 'pre/normal'
    nodes, planes = [], []
    for place, channels in plan.parts:
        name = f'{start}/{place}'
        constants[f'{name}/place'] = np.array(place, np.int64)
        nodes.append(helper.make_node('Gather', [source, f'{name}/place'], [name], axis=1))
        if channels != _WHOLE:
            constants[f'{name}/channels'] = np.array(channels, np.int64)
            chosen = [name, f'{name}/channels']
            name = f'{name}/chosen'
            nodes.append(helper.make_node('Gather', chosen, [name], axis=3))
        planes.append(name)
    whole = f'{start}/whole'
    nodes.append(helper.make_node('Concat', planes, [whole], axis=3))
    if plan.layout == 'nchw':
        nodes.append(
            helper.make_node('Transpose', [whole], [f'{start}/turned'], perm=[0, 3, 1, 2])
        )
        whole = f'{start}/turned'
    kind = helper.np_dtype_to_tensor_dtype(plan.dtype)
    return [*nodes, helper.make_node('Cast', [whole], [target], to=kind)]
