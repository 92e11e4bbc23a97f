"""What becomes of memory that is freed: a choice for the whole process."""

from __future__ import annotations

import ctypes

_MIB = 1 << 20
# glibc's mallopt keys.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_DEFAULT_TOP_PAD = 1 << 17


def return_large_arrays() -> None:
    """Let arrays of 1 MiB and more go back to the system as soon as they are freed.

    glibc otherwise raises that size to that of the largest array freed so far, and keeps images
    and clouds between small objects that live on: a process that takes long drives grows by a
    tenth. Smaller arrays serve again: up to 32 MiB at the end of the heap are kept, where glibc
    keeps 128 KiB once the size above is fixed, and takes the same pages back again and again.

    It holds for the whole process, in place of an earlier choice; where the C library knows no
    such choice, nothing is changed.
    """
    _choose(mmap_threshold=_MIB, trim_threshold=32 * _MIB, top_pad=_DEFAULT_TOP_PAD)


def keep_freed_memory() -> None:
    """Let what is freed serve again: fresh pages cost more than what fills them.

    For processes that free arrays of the same sizes over and over: messages of a node, values
    between the layers of a network in torch. With glibc's defaults every such array is several
    calls of the system and hundreds to thousands of page faults. It holds as
    `return_large_arrays` does.
    """
    _choose(mmap_threshold=32 * _MIB, trim_threshold=256 * _MIB, top_pad=64 * _MIB)


def _choose(mmap_threshold: int, trim_threshold: int, top_pad: int) -> None:
    """Set from how many bytes on an array is mapped alone, and when the heap's end shrinks."""
    try:
        choose = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for key, value in (
        (_M_MMAP_THRESHOLD, mmap_threshold),
        (_M_TRIM_THRESHOLD, trim_threshold),
        (_M_TOP_PAD, top_pad),
    ):
        choose(ctypes.c_int(key), ctypes.c_int(value))
