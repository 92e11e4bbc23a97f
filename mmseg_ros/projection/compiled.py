"""The one way this package compiles a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar('Function', bound=Callable[..., Any])

_LOOPS: dict[str, Any] = {}


def compiled(function: Function) -> Function:
    """Return `function` compiled by numba: kept on disk, and without the interpreter's lock.

    Dividing by zero gives infinity or NaN, as in NumPy: a loop that must raise is no vector code.
    """
    loop = njit(cache=True, nogil=True, error_model='numpy')(function)
    _LOOPS[f'{function.__module__}.{function.__qualname__}'] = loop
    return cast(Function, loop)


def signature_counts() -> dict[str, int]:
    """Return for how many combinations of types each loop has been compiled in this process.

    A count that grows while frames are processed is a frame that waited for the compiler.
    """
    return {name: len(loop.signatures) for name, loop in _LOOPS.items()}
