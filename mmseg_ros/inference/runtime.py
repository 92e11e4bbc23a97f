"""What an inference library has to offer: turning an ONNX file into something that runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError, BundleError

SHARED_THREADS = ('openvino',)
"""Runtimes whose threads belong to the process and are made with its first graph. Graphs of the
others bring threads, which keep the priority of the thread that compiled the graph."""


def import_runtime(name: str) -> Any:
    """Return an inference library.

    Raises:
        BackendError: It is not installed, or its parts do not fit each other or the system.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise BackendError(
            f'{name} cannot be loaded ({error}); install it again, or choose another backend.'
        ) from error


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Type and shape of one input or output; a dynamic dimension is -1."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class Executable(Protocol):
    """One compiled graph. Used by one thread at a time."""

    inputs: Mapping[str, TensorSpec]
    outputs: tuple[str, ...]

    def run(self, feed: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Return all outputs; they stay valid until the next call.

        Raises:
            BackendError: The runtime failed.
        """

    def close(self) -> None:
        """Free the graph."""


class Runtime(Protocol):
    """One inference library. It is imported in `compile` only.

    Attributes:
        name: As in the parameter `model.backend`.
        precision: What it computes in, as asked for.
    """

    name: str
    precision: str

    def compile(self, path: Path) -> Executable:
        """Make an ONNX file ready to run; may take seconds. Safe to call from any thread.

        Raises:
            BackendError: The library is missing or rejects the file.
        """


def require_tensors(
    executable: Executable,
    inputs: Mapping[str, TensorSpec],
    outputs: Iterable[str],
    source: str,
) -> None:
    """Check that a compiled graph has the inputs and outputs that its manifest promises.

    Args:
        executable: The graph.
        inputs: Each input's type and shape.
        outputs: Names of the outputs.
        source: The graph's file, for the message.

    Raises:
        BundleError: An input differs or an output is missing.
    """
    for name, spec in inputs.items():
        found = executable.inputs.get(name)
        if found != spec:
            raise BundleError(
                f'{source}: input {name!r} is {_text(found)}, but the manifest asks for '
                f'{_text(spec)}.'
            )
    missing = set(outputs) - set(executable.outputs)
    if missing:
        raise BundleError(f'{source}: the graph lacks the outputs {missing}.')


def _text(spec: TensorSpec | None) -> str:
    return 'missing' if spec is None else f'{spec.dtype} {list(spec.shape)}'
