"""Message bytes as numpy views, without copying."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import BYTES_LIMIT, count_fault, limits


def as_bytes(data: Any) -> NDArray[np.uint8]:
    """Return the `data` field of a message as a 1-D uint8 view.

    Args:
        data: array.array, bytes, memoryview or ndarray; a list is copied.

    Raises:
        SampleError: It holds no bytes, or more than `limits.message_bytes`.
    """
    try:
        size = data.nbytes if isinstance(data, np.ndarray) else len(data)
        fault = count_fault(size, limits().message_bytes, BYTES_LIMIT)
        if fault:
            raise SampleError(f'The message is too large: {fault}.')
        if isinstance(data, np.ndarray):
            return np.ascontiguousarray(data).view(np.uint8).reshape(-1)
        if isinstance(data, (list, tuple)):
            return np.array(data, np.uint8)
        return np.frombuffer(data, np.uint8) if len(data) else np.zeros(0, np.uint8)
    except (TypeError, ValueError, OverflowError, BufferError) as error:
        raise SampleError(f'The data field of the message holds no bytes ({error}).') from error
