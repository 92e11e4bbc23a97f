"""Writes the bundle of an external network, or says why it cannot be one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mmseg_models.export.card import plain, table
from mmseg_models.export.parity import TOLERANCES, probe_images
from mmseg_models.external.answer import AnswerPlan, plan_answer
from mmseg_models.external.graph import fused_graph
from mmseg_models.external.inputs import InputPlan, plan_inputs
from mmseg_models.external.network import ExternalNetwork
from mmseg_ros.core.atomic_files import atomic_folder, require_absent, write_bytes, write_text
from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.types import Modality
from mmseg_ros.encoding.registry import ENCODINGS
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.inference.bundle import (
    CARD_FILE,
    ONNX_FILE,
    Bundle,
    load_bundle,
    seal_bundle,
    unsealed_bundle,
)
from mmseg_ros.inference.graph import Graph
from mmseg_ros.inference.manifest import EXTERNAL_MODEL, Manifest, ModalitySpec

_LARGEST_UNIT_MEAN, _LARGEST_UNIT_STD = 1.0, 1.0


@dataclass(frozen=True, slots=True)
class ExternalOptions:
    """What an ONNX file does not tell.

    Attributes:
        modalities: Sensors, in the order of the network's inputs or channels.
        label_space: The classes.
        mean: 3 numbers, or 3 per modality; empty for networks that take bytes.
        std: The same for the deviations.
        pixel_range: 1 if mean and std are of pixels scaled to 0..1, 255 if of bytes.
        encodings: One per modality; empty takes the standard ones.
        input_names: Inputs in the order of the modalities; empty takes all.
        output_name: The output to read; None takes the one that fits.
        output_kind: logits, probabilities or labels; None looks.
        height: Rows of the input; None takes the network's. width: The same for columns.
        layout: nchw or nhwc; None looks.
        bgr: Whether the network takes blue, green, red; mean and std are in that order then.
        licence: SPDX identifier of the weights.
    """

    modalities: tuple[Modality, ...]
    label_space: LabelSpace
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    pixel_range: float = 1.0
    encodings: tuple[str, ...] = ()
    input_names: tuple[str, ...] = ()
    output_name: str | None = None
    output_kind: str | None = None
    height: int | None = None
    width: int | None = None
    layout: str | None = None
    bgr: bool = False
    licence: str = 'LicenseRef-unknown'


def import_onnx(file: Path, options: ExternalOptions, path: Path, name: str) -> Bundle:
    """Make the bundle `path` of an ONNX file.

    Args:
        file: The network.
        options: What the file does not tell.
        path: Folder to make; must not exist.
        name: Name of the bundle.

    Raises:
        BundleError: The network cannot be read, filled or understood, or the bundle's graph does
            not answer as the network does.
        OutputError: `path` cannot be written.
    """
    require_absent(path, BundleError)
    _check_modalities(options)
    network = ExternalNetwork(file)
    size = (options.height, options.width)
    inputs = plan_inputs(
        network, options.modalities, size, options.input_names, options.layout, options.bgr
    )
    if len({(plan.height, plan.width) for plan in inputs}) > 1:
        raise BundleError(f'{file}: the inputs differ in height or width; they must be equal.')
    mean, std = _statistics(file, inputs, options)
    network.fix_shapes({plan.name: plan.shape for plan in inputs})
    black = np.zeros((len(mean), inputs[0].height, inputs[0].width, 3), np.uint8)
    found = network.run({plan.name: plan.feed(black, mean, std) for plan in inputs})
    answer = plan_answer(
        network, found, options.label_space, options.output_name, options.output_kind
    )
    manifest = _manifest(network, inputs, answer, options, (mean, std), name)
    with atomic_folder(path) as draft:
        graph = fused_graph(network, inputs, answer, mean, std)
        write_bytes(draft / ONNX_FILE, _checked(file, graph))
        bundle = unsealed_bundle(draft, manifest)
        agreement = _compare(network, inputs, answer, (mean, std), bundle)
        write_text(draft / CARD_FILE, _card(manifest, agreement))
        seal_bundle(draft, manifest)
    return load_bundle(path)


def _check_modalities(options: ExternalOptions) -> None:
    names = options.modalities
    if not names or len(set(names)) != len(names):
        raise BundleError(f'Modalities are {", ".join(names)}; name each sensor once.')
    if options.encodings and len(options.encodings) != len(names):
        raise BundleError(
            f'{len(options.encodings)} encodings for {len(names)} modalities; give one for each.'
        )
    unknown = [name for name in options.encodings if name not in ENCODINGS]
    if unknown:
        raise BundleError(f'No encoding {", ".join(unknown)}; there are {", ".join(ENCODINGS)}.')


def _statistics(
    file: Path, inputs: Sequence[InputPlan], options: ExternalOptions
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and deviation, M x 3 on the scale 0..1, in the order red, green, blue."""
    total = len(options.modalities)
    if all(plan.dtype == np.uint8 for plan in inputs):
        if options.mean or options.std:
            raise BundleError(
                f'{file} takes bytes and normalizes by itself; leave --mean and --std out.'
            )
        return np.zeros((total, 3)), np.ones((total, 3))
    rows = []
    for option, values in (('--mean', options.mean), ('--std', options.std)):
        if len(values) not in (3, 3 * total) or not np.isfinite(values).all():
            raise BundleError(
                f'{file} takes numbers, so {option} needs 3 finite ones, or 3 per modality, but '
                f'has {len(values)}; for pixels of 0..255 as they are, pass --mean 0 0 0 '
                '--std 1 1 1 --range 255.'
            )
        row = np.resize(np.asarray(values, np.float64), (total, 3)) / options.pixel_range
        rows.append(row[:, ::-1] if options.bgr else row)
    mean, std = rows
    if std.min() <= 0:
        raise BundleError(f'--std must be positive, but is {list(options.std)}.')
    if np.abs(mean).max() > _LARGEST_UNIT_MEAN or (
        options.pixel_range == 1.0 and std.max() > _LARGEST_UNIT_STD
    ):
        raise BundleError(
            f'Mean {list(options.mean)} and deviation {list(options.std)} are not those of pixels '
            f'of 0..{options.pixel_range:g}; pass --range 255 if they are of bytes.'
        )
    return mean, std


def _manifest(
    network: ExternalNetwork,
    inputs: Sequence[InputPlan],
    answer: AnswerPlan,
    options: ExternalOptions,
    statistics: tuple[NDArray[Any], NDArray[Any]],
    name: str,
) -> Manifest:
    encodings = options.encodings or tuple(standard_encoding(n) for n in options.modalities)
    specs = [
        ModalitySpec(modality, encoding, _triple(mean), _triple(std))
        for modality, encoding, mean, std in zip(
            options.modalities, encodings, *statistics, strict=True
        )
    ]
    facts = {
        'inputs': {plan.name: f'{plan.dtype.name} {plan.layout}' for plan in inputs},
        'channel_order': 'bgr' if options.bgr else 'rgb',
        'output': f'{answer.name}: {answer.kind}, {answer.rows} x {answer.columns}',
        'opset': network.opset,
    }
    return Manifest(
        name=name,
        model=EXTERNAL_MODEL,
        model_options=facts,
        modalities=tuple(specs),
        height=inputs[0].height,
        width=inputs[0].width,
        label_space=options.label_space,
        precision=network.precision(),
        training={'source': f'the ONNX file {network.path.name}'},
        metrics={},
        licence=options.licence,
    )


def _triple(row: NDArray[Any]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in row)
    return first, second, third


def _checked(file: Path, model: onnx.ModelProto) -> bytes:
    try:
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
    except (ValueError, onnx.checker.ValidationError) as error:
        raise BundleError(f'{file}: its graph cannot be built around ({error}).') from error


def _compare(
    network: ExternalNetwork,
    inputs: Sequence[InputPlan],
    answer: AnswerPlan,
    statistics: tuple[NDArray[Any], NDArray[Any]],
    bundle: Bundle,
) -> float:
    """Return the share of pixels on which the bundle's graph and the network agree.

    Raises:
        BundleError: Labels or confidence differ by more than rounding explains.
    """
    images = probe_images(bundle)
    found = network.run({plan.name: plan.feed(images, *statistics) for plan in inputs})
    labels, confidence = answer.read(found[answer.name], inputs[0].height, inputs[0].width)
    graph = Graph(bundle, create_runtime('onnxruntime'))
    try:
        given = graph.infer(images, np.ones(len(images), bool))
    finally:
        graph.close()
    equal = given.labels == labels
    apart = np.abs(given.confidence.astype(int) - confidence.astype(int))[equal].max(initial=0)
    tolerance = TOLERANCES[bundle.manifest.precision]
    if equal.mean() < tolerance.agreement or apart > tolerance.confidence:
        raise BundleError(
            f'{network.path}: the graph with its pre- and post-processing gives the labels of the '
            f'network on {equal.mean():.2%} of the pixels and its confidence within {apart}/255; '
            f'at least {tolerance.agreement:.1%} and {tolerance.confidence} are required.'
        )
    return float(equal.mean())


def _card(manifest: Manifest, agreement: float) -> str:
    rows = '\n'.join(
        f'| {plain(m.name)} | {plain(m.encoding)} | {m.mean} | {m.std} |'
        for m in manifest.modalities
    )
    return f"""# {plain(manifest.name)}

A network that others trained: {plain(manifest.training['source'])}, {manifest.precision}, input \
{manifest.height} x {manifest.width}, {manifest.label_space.num_classes} classes of the label \
space `{plain(manifest.label_space.id)}`. License of the weights: {plain(manifest.licence)}.

| modality | encoding | mean (red, green, blue; 0..1) | std |
|---|---|---|---|
{rows}

## What is around the network

{table(manifest.model_options)}

## Parity check

The graph gives the labels of the network on {agreement:.4%} of the pixels of colored squares. \
How good the network is was not measured; `mmseg_ros evaluate DATA --bundle FOLDER` does.
"""
