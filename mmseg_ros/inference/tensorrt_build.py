"""From an ONNX file to a TensorRT engine. One way for TensorRT 10, 11 and TensorRT-RTX."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import BackendError

LIBRARIES = ('tensorrt', 'tensorrt_rtx')
"""Importable names; both have the same classes."""

_LOGGER = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
"""Called with the phase of the build and how much of it is done, 0 to 1."""

ShapeRange = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Smallest, most frequent and largest shape of one input."""


def installed_library() -> str | None:
    """Return the name of the TensorRT library that is installed, the full one first."""
    return next((name for name in LIBRARIES if importlib.util.find_spec(name)), None)


def import_library() -> Any:
    """Return the TensorRT module.

    Raises:
        BackendError: None is installed, or the one that is cannot be loaded.
    """
    name = installed_library()
    if name is None:
        raise BackendError(f'TensorRT is not installed; needed is one of: {", ".join(LIBRARIES)}.')
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise BackendError(
            f'{name} is installed but cannot be loaded ({error}); install the libraries of the '
            'same version, and the CUDA driver they need.'
        ) from error


def library_name(trt: Any) -> str:
    """Return name and version, as in engine keys."""
    return f'{trt.__name__} {trt.__version__}'


def build_engine(
    trt: Any,
    path: Path,
    ranges: dict[str, ShapeRange] | None = None,
    progress: Progress = lambda phase, share: None,
) -> bytes:
    """Build an engine in the precision that the ONNX file holds.

    Args:
        trt: The module.
        path: The file; weights in other files are found beside it.
        ranges: Of each input with dynamic sizes.
        progress: Told how far the build is.

    Raises:
        BackendError: TensorRT does not understand the file or cannot build it.
    """
    logger = make_logger(trt)
    builder = trt.Builder(logger)
    network = builder.create_network(_flags(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(path)):
        errors = '; '.join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise BackendError(f'{path}: {library_name(trt)} does not understand it: {errors}')
    config = builder.create_builder_config()
    if ranges:
        profile = builder.create_optimization_profile()
        for name, (smallest, usual, largest) in ranges.items():
            profile.set_shape(name, smallest, usual, largest)
        config.add_optimization_profile(profile)
    if hasattr(trt, 'IProgressMonitor'):
        config.progress_monitor = _monitor(trt, progress)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise BackendError(
            f'{path}: {library_name(trt)} parsed it but cannot build an engine: '
            f'{logger.last_error or "it gives no reason"}'
        )
    return bytes(engine)


def make_logger(trt: Any) -> Any:
    """Return a TensorRT logger that writes to `logging` and keeps the last error."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.last_error = ''

        def log(self, severity: Any, text: str) -> None:
            if severity in (self.ERROR, self.INTERNAL_ERROR):
                self.last_error = text
                _LOGGER.warning('TensorRT: %s', text)
            elif severity == self.WARNING:
                _LOGGER.debug('TensorRT: %s', text)

    return Logger()


def _flags(trt: Any) -> int:
    """Return flags for a strongly typed network: optional in 10, the only kind in 11."""
    members = trt.NetworkDefinitionCreationFlag.__members__
    if 'STRONGLY_TYPED' not in members:
        return 0
    return 1 << int(members['STRONGLY_TYPED'])


def _monitor(trt: Any, progress: Progress) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self.steps[phase] = steps
            progress(phase, 0.0)

        def phase_finish(self, phase: str) -> None:
            self.steps.pop(phase, None)
            progress(phase, 1.0)

        def step_complete(self, phase: str, step: int) -> bool:
            progress(phase, (step + 1) / max(self.steps.get(phase, 1), 1))
            return True

    return Monitor()
