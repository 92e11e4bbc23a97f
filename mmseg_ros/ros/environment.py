"""What a process sets before its first rclpy.init: DDS profile, allocator, thread switching."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys

from mmseg_ros.core.freed_memory import keep_freed_memory
from mmseg_ros.core.resources import config_file

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')

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


def return_free_memory() -> None:
    """Give back to the system what a closed network has left; the allocator would keep it."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
