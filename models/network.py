"""What all registered networks have in common: options, a task, and names in authors' files."""

from __future__ import annotations

from typing import Any

from torch import nn

from mmseg_ros.core.errors import ConfigError


class Network(nn.Module):
    """Base of the registered networks.

    Attributes:
        task: `segmentation` (a class per pixel) or `referring` (the pixels that a sentence means).
        options: What `create_model` was called with, defaults included.
        size_divisor: Input height and width must be multiples of it.
        reference_layouts: Names of the authors' checkpoint formats, the usual one first.
        reference_optional: Own names of tensors that the authors' files may lack; those keep
            their value when a file is imported.
    """

    task = 'segmentation'
    reference_layouts: tuple[str, ...] = ('authors',)
    reference_optional: tuple[str, ...] = ()

    def __init__(self, size_divisor: int) -> None:
        super().__init__()
        self.size_divisor = size_divisor
        self.options: dict[str, Any] = {}

    def reference_key(self, key: str, layout: str) -> str:
        """Return the name that the authors' code gives to the tensor `key`.

        Args:
            key: Own name.
            layout: One of `reference_layouts`.
        """
        raise NotImplementedError

    def check_size(self, height: int, width: int) -> None:
        """Reject images that the strides do not divide.

        Raises:
            ConfigError: Height or width is no multiple of `size_divisor`; the next is named.
        """
        divisor = self.size_divisor
        if height % divisor or width % divisor or not height or not width:
            up = (max(-(-size // divisor), 1) * divisor for size in (height, width))
            raise ConfigError(
                f'images are {height} x {width} pixels; height and width must be multiples of '
                f'{divisor}: resize or pad them to {next(up)} x {next(up)}'
            )
