"""Meshes from elsewhere that stand in for built ones: installed packages, never our own files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.resources import config_file
from mmseg_ros.sim.world.mesh import Mesh, make_mesh
from mmseg_ros.sim.world.surfaces import SurfaceTable
from mmseg_ros.sim.world.sweethome import read_piece

LIBRARIES: tuple[str, ...] = ('sweethome3d',)
SHARE = 0.5
"""Share of the objects of a kind that come from the library where it has the kind."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of a library.

    Attributes:
        catalog: File that holds it. folder: Name in there. kind: Kind in the scene graph.
        class_name: Class of its pixels. height_m: Real height, 0 for the catalog's.
        creator: Who made it.
    """

    catalog: Path
    folder: str
    kind: str
    class_name: str
    height_m: float
    creator: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A model that was chosen for a place: its mesh, kind, and length and width in meters."""

    mesh: Mesh
    kind: str
    length_m: float
    width_m: float


@dataclass(frozen=True)
class MeshLibrary:
    """Models by what they stand in for."""

    entries: tuple[Entry, ...]

    def take(self, rng: np.random.Generator, table: SurfaceTable, *kinds: str) -> Taken | None:
        """Return a model of one of `kinds`, or None: half of the time, and where it has none."""
        fitting = [entry for entry in self.entries if entry.kind in kinds]
        if not fitting or rng.random() >= SHARE:
            return None
        entry = fitting[int(rng.integers(len(fitting)))]
        piece = read_piece(entry.catalog, entry.folder, entry.height_m)
        shades, index = np.unique(piece.colors, axis=0, return_inverse=True)
        glossy = 0.1 if entry.class_name in ('Cars', 'Bus', 'Truck') else 0.0
        surfaces = np.array(
            [
                table.add(entry.class_name, tuple(shade), gloss=glossy, reflectivity=0.4)
                for shade in shades.tolist()
            ]
        )
        mesh = make_mesh(piece.vertices, piece.faces, surfaces[index.ravel()])
        return Taken(mesh, entry.kind, piece.size_m[0], piece.size_m[1])


@lru_cache(maxsize=4)
def load_library(name: str) -> MeshLibrary | None:
    """Return the mesh library of a name, None for ''.

    Raises:
        ConfigError: There is no such library, or the package that holds it is not installed.
    """
    if not name:
        return None
    if name not in LIBRARIES:
        raise ConfigError(f'There are no meshes {name!r}; there are: {", ".join(LIBRARIES)}.')
    data = yaml.safe_load(config_file(f'meshes/{name}.yaml').read_text(encoding='utf-8'))
    folder = Path(data['folder'])
    entries = tuple(_entry(folder, item) for item in data['pieces'])
    missing = sorted({entry.catalog for entry in entries if not entry.catalog.is_file()})
    if missing:
        raise ConfigError(
            f'{missing[0]} does not exist; install the meshes with '
            f'`sudo apt install {data["package"]}`.'
        )
    return MeshLibrary(entries)


def _entry(folder: Path, item: dict[str, str]) -> Entry:
    catalog, model = item['piece'].split(':')
    return Entry(
        folder / f'{catalog}.sh3f', model, item['kind'], item['class'],
        float(item.get('height_m', 0.0)), item['creator'],
    )  # fmt: skip
