"""Ground truth of other class lists: ids or colors to the classes of a label space."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError, DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.safe_yaml import load_yaml

_IGNORED = ('ignore', 'ignored', 'void', 'unlabeled', 'unlabeled', 'none')
_LARGEST_ID = 65535


@dataclass(frozen=True)
class LabelMap:
    """Which class each id or color of a label image is; all others are ignored.

    Attributes:
        ids: Class id per id of the image. colors: Class id per color (red, green, blue).
        ignore_id: Given to what is in neither.
    """

    ids: Mapping[int, int]
    colors: Mapping[tuple[int, int, int], int]
    ignore_id: int

    def apply(self, pixels: NDArray[Any], source: str) -> NDArray[np.uint8]:
        """Return H x W uint8 class ids.

        Args:
            pixels: H x W ids, or H x W x 3 colors in RGB order.
            source: Named in messages.

        Raises:
            DatasetError: The map is for ids and the image holds colors, or the other way round.
        """
        given, kind = (self.ids, 'ids') if pixels.ndim == 2 else (self.colors, 'colors')
        if not given:
            raise DatasetError(
                f'{source} holds {kind}, but the label map names none; add a block `{kind}:`.'
            )
        if pixels.ndim == 2:
            keys, values = pixels.astype(np.int64), {int(k): v for k, v in self.ids.items()}
        else:
            keys = pixels[..., :3].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
            values = {(r << 16) + (g << 8) + b: v for (r, g, b), v in self.colors.items()}
        found, where = np.unique(keys, return_inverse=True)
        ids = np.array([values.get(int(key), self.ignore_id) for key in found], np.uint8)
        return ids[where].reshape(keys.shape)


def load_label_map(path: Path, label_space: LabelSpace) -> LabelMap:
    """Read a map: `ids: {7: road, 26: car}` and `colors: {'128,64,128': road}`.

    Values are names of classes, their ids, or `ignore`; colors are `r,g,b` or `#rrggbb`. Lines
    without a block are ids or colors by their look.

    Raises:
        ConfigError: The file cannot be read, or names a class that the label space lacks.
    """
    data = load_yaml(path, ConfigError)
    if not isinstance(data, Mapping) or not data:
        raise ConfigError(f'{path}: a label map is lines `7: road` or `"128,64,128": road`.')
    blocks = [data.get('ids') or {}, data.get('colors') or {}]
    rows = {key: value for key, value in data.items() if key not in ('ids', 'colors')}
    if not all(isinstance(block, Mapping) for block in blocks):
        raise ConfigError(f'{path}: ids and colors must hold lines `7: road`.')
    ids: dict[int, int] = {}
    colors: dict[tuple[int, int, int], int] = {}
    for key, value in {**blocks[0], **blocks[1], **rows}.items():
        target = _class_id(path, value, label_space)
        color = _color(key)
        if color is not None:
            colors[color] = target
        elif str(key).isdigit() and int(key) <= _LARGEST_ID:
            ids[int(key)] = target
        else:
            raise ConfigError(f'{path}: {key!r} is neither an id nor a color r,g,b or #rrggbb.')
    return LabelMap(ids, colors, label_space.ignore_id)


def _class_id(path: Path, value: Any, label_space: LabelSpace) -> int:
    if isinstance(value, str) and value.lower() in _IGNORED and value not in label_space.names:
        return label_space.ignore_id
    if isinstance(value, str) and value in label_space.names:
        return label_space.names.index(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number and (0 <= value < label_space.num_classes or value == label_space.ignore_id):
        return int(value)
    raise ConfigError(
        f'{path}: {value!r} is no class of {label_space.id}; it has '
        f'{", ".join(label_space.names)}, and `ignore`.'
    )


def _color(key: Any) -> tuple[int, int, int] | None:
    text = str(key).strip()
    if re.fullmatch(r'#[0-9a-fA-F]{6}', text):
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
    numbers = re.fullmatch(r'\(?\[?\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]?\)?', text)
    if numbers is None or max(int(n) for n in numbers.groups()) > 255:
        return None
    red, green, blue = (int(n) for n in numbers.groups())
    return red, green, blue
