"""Reads pieces of Sweet Home 3D's catalogs: OBJ models in zip files, in centimetres, y up."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError

PROPERTIES = 'PluginFurnitureCatalog.properties'
_LEVELS = 12
Color: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """One model, x forward, y left, z up, standing on z = 0 about the origin.

    Attributes:
        vertices: V x 3 float64, meters. faces: F x 3 int32.
        colors: F x 3 float64, sRGB 0..1 in a few steps, from materials and their images.
        size_m: Length, width and height in meters.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    colors: NDArray[np.float64]
    size_m: tuple[float, float, float]


@dataclass(slots=True)
class _Material:
    color: Color = (0.6, 0.6, 0.6)
    image: NDArray[np.uint8] | None = None


@lru_cache(maxsize=64)
def read_piece(catalog: Path, folder: str, height_m: float = 0.0) -> Piece:
    """Read one model of a catalog.

    Args:
        catalog: A .sh3f file.
        folder: Name of the folder that holds the model.
        height_m: Height to bring it to; 0 takes the catalog's size.

    Raises:
        DatasetError: The catalog has no such model, or it cannot be read.
    """
    try:
        with zipfile.ZipFile(catalog) as archive:
            entry = _entry(archive, catalog, folder)
            return _read(archive, entry, height_m)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, IndexError) as error:
        raise DatasetError(f'{catalog}: cannot read the model {folder!r} ({error}).') from error


def _entry(archive: zipfile.ZipFile, catalog: Path, folder: str) -> dict[str, str]:
    entries: dict[str, dict[str, str]] = {}
    for line in archive.read(PROPERTIES).decode('latin1').splitlines():
        found = re.match(r'(\w+)#(\d+)=(.*)', line)
        if found:
            entries.setdefault(found[2], {})[found[1]] = found[3].strip()
    for entry in entries.values():
        if entry.get('model', '').split('/')[-2:-1] == [folder]:
            return entry
    raise DatasetError(f'{catalog} has no model {folder!r}; is it another version of the package?')


def _read(archive: zipfile.ZipFile, entry: Mapping[str, str], height_m: float) -> Piece:
    path = entry['model'].lstrip('/')
    points, texture, corners, names = _parse_obj(archive.read(path).decode('latin1'))
    materials = _materials(archive, path)
    used = [materials.get(name, _Material()) for name in names]
    colors = _face_colors(used, texture, corners)
    if entry.get('modelRotation'):
        points = points @ np.array(entry['modelRotation'].split(), float).reshape(3, 3).T
    # The catalog's front looks along z, its top along y.
    points = points[:, [2, 0, 1]]
    points -= (points.min(0) + points.max(0)) / 2 * (1, 1, 0) + points.min(0) * (0, 0, 1)
    size = np.array([float(entry[name]) for name in ('depth', 'width', 'height')]) / 100.0
    if height_m:
        size *= height_m / size[2]
    points *= size / np.maximum(np.ptp(points, axis=0), 1e-6)
    length, width, height = (float(value) for value in size)
    return Piece(points, corners[..., 0].astype(np.int32), colors, (length, width, height))


def _parse_obj(
    text: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Return points, texture points, F x 3 x 2 corners (point, texture point) and materials."""
    points: list[list[float]] = []
    texture: list[list[float]] = []
    corners, names, material = [], [], ''
    for line in text.splitlines():
        head, _, rest = line.strip().partition(' ')
        if head == 'v':
            points.append([float(value) for value in rest.split()[:3]])
        elif head == 'vt':
            texture.append([float(value) for value in rest.split()[:2]])
        elif head == 'usemtl':
            material = rest.strip()
        elif head == 'f':
            face = [_corner(item, len(points), len(texture)) for item in rest.split()]
            for k in range(1, len(face) - 1):
                corners.append([face[0], face[k], face[k + 1]])
                names.append(material)
    return (
        np.array(points, float),
        np.array(texture or [[0.0, 0.0]], float),
        np.array(corners, np.int64),
        names,
    )


def _corner(item: str, points: int, texture: int) -> tuple[int, int]:
    """Return indices of `1/2/3` or `-1//-1` from 0; texture point -1 means none."""
    parts = item.split('/')
    point = int(parts[0])
    second = int(parts[1]) if len(parts) > 1 and parts[1] else 0
    place = -1 if not second else (second - 1 if second > 0 else texture + second)
    return (point - 1 if point > 0 else points + point, place)


def _materials(archive: zipfile.ZipFile, path: str) -> dict[str, _Material]:
    folder, stem = path.rsplit('/', 1)
    file = f'{folder}/{stem[:-4]}.mtl'
    if file not in archive.namelist():
        return {}
    found: dict[str, _Material] = {}
    current = _Material()
    for line in archive.read(file).decode('latin1').splitlines():
        head, _, rest = line.strip().partition(' ')
        if head == 'newmtl':
            current = found.setdefault(rest.strip(), _Material())
        elif head == 'Kd':
            red, green, blue = (float(value) for value in rest.split()[:3])
            current.color = (red, green, blue)
        elif head == 'map_Kd':
            current.image = _image(archive, f'{folder}/{rest.strip()}')
    return found


def _image(archive: zipfile.ZipFile, path: str) -> NDArray[np.uint8] | None:
    if path not in archive.namelist():
        return None
    pixels = cv2.imdecode(np.frombuffer(archive.read(path), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        return None
    # A face shows one color: that of a small area around its middle.
    small = cv2.resize(pixels, (128, 128), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1])


def _face_colors(
    materials: list[_Material], texture: NDArray[np.float64], corners: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return F x 3, the color of each face in _LEVELS steps per channel."""
    places = corners[..., 1]
    middle = texture[np.maximum(places, 0)].mean(1) % 1.0
    column = np.minimum((middle[:, 0] * 128).astype(int), 127)
    row = np.minimum(((1 - middle[:, 1]) * 128).astype(int), 127)
    colors = np.array([material.color for material in materials], float).reshape(-1, 3)
    for i, material in enumerate(materials):
        if material.image is not None and places[i, 0] >= 0:
            colors[i] = material.image[row[i], column[i]] / 255.0
    return np.asarray(np.rint(colors.clip(0.02, 0.95) * _LEVELS) / _LEVELS)
