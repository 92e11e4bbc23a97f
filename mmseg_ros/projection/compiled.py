"""The one way this package compiles a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar('Function', bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Return `function` compiled by numba: kept on disk, and without the interpreter's lock.

    Dividing by zero gives infinity or NaN, as in NumPy: a loop that must raise is no vector code.
    """
    return cast(Function, njit(cache=True, nogil=True, error_model='numpy')(function))
