"""Message classes by type name, where they are installed."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


@cache
def message_class_of(type_name: str) -> Any | None:
    """Return the rclpy class of `package/msg/Name`, or None if its package is not installed."""
    package, _, name = type_name.partition('/msg/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError):
        return None
