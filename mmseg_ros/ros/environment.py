"""What a process sets before its first rclpy.init: DDS profile, allocator, thread switching."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys

from mmseg_ros.core.resources import config_file

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')

# glibc's mallopt keys, and sizes that keep message-sized blocks on the heap: with the defaults,
# every image is several mmap/munmap calls and thousands of page faults.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MIB = 1 << 20

# By default a thread that computes keeps the interpreter for 5 ms, ten times what it takes to
# receive a message.
_SWITCH_INTERVAL_S = 0.0005


def prepare_process() -> None:
    """Apply the Fast DDS profile of config/ (unless one is set), allocator and thread settings."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    profile = str(config_file('fastdds.xml'))
    for variable in PROFILE_VARIABLES:
        os.environ.setdefault(variable, profile)
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Let freed messages serve again: fresh pages cost more than what fills them."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 * _MIB)
        libc.mallopt(_M_TRIM_THRESHOLD, 256 * _MIB)
        libc.mallopt(_M_TOP_PAD, 64 * _MIB)


def return_free_memory() -> None:
    """Give back to the system what a closed network has left; the allocator would keep it."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
