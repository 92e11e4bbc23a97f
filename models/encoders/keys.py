"""Renaming of tensors by rules."""

from __future__ import annotations

import re
from collections.abc import Callable

Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""Regular expression and its replacement."""


def rename(key: str, rules: list[Rule]) -> str:
    """Return `key` with all rules applied in order."""
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key
