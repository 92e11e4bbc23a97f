"""What becomes of memory that is freed."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 20


def return_large_arrays() -> None:
    """Let arrays of 1 MiB and more go back to the system as soon as they are freed.

    glibc otherwise raises that size to that of the largest array freed so far, and keeps images
    and clouds between small objects that live on: a process that takes long drives grows by a
    tenth. It holds for the whole process; where the C library knows no such choice, nothing is
    changed.
    """
    try:
        choose = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    choose(ctypes.c_int(_M_MMAP_THRESHOLD), ctypes.c_int(_LARGE_BYTES))
