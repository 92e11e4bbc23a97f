"""Arrays that are reused between frames: fresh pages cost more than the kernels that fill them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_local = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialized array that this thread's next call with `name` hands out again.

    Never let it leave the function that asked for it.
    """
    arrays: dict[str, NDArray[Any]] = _local.__dict__
    size = int(np.prod(shape))
    held = arrays.get(name)
    if held is None or held.size < size or held.dtype != dtype:
        held = arrays[name] = np.empty(size, dtype)
    return held[:size].reshape(shape)
