"""Cars, vans, trucks and buses as bodies on wheels; x points forward, wheels stand on z = 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_ros.projection.transforms import rotation
from mmseg_ros.sim.world.mesh import (
    Mesh,
    box,
    disc_wheel,
    make_mesh,
    merge,
    pose,
    ring_faces,
    tube,
)  # fmt: skip
from mmseg_ros.sim.world.season import varied
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture

CAR_COLORS: dict[str, tuple[float, float, float]] = {
    'white': (0.88, 0.88, 0.86),
    'black': (0.06, 0.06, 0.07),
    'grey': (0.42, 0.43, 0.45),
    'silver': (0.68, 0.69, 0.71),
    'red': (0.66, 0.07, 0.07),
    'blue': (0.08, 0.18, 0.55),
    'green': (0.07, 0.33, 0.17),
    'yellow': (0.85, 0.66, 0.08),
    'orange': (0.82, 0.36, 0.06),
}

# Stations along x from the tail to the nose, as shares of length and height:
# (x, bottom, belt, roof, glass). Glass means that the strip to the next station is a screen.
_STATIONS: dict[str, tuple[tuple[float, float, float, float, bool], ...]] = {
    'sedan': (
        (-0.50, 0.28, 0.50, 0.52, False),
        (-0.48, 0.16, 0.58, 0.66, False),
        (-0.36, 0.14, 0.62, 0.70, True),
        (-0.20, 0.14, 0.64, 0.98, False),
        (0.08, 0.14, 0.64, 1.00, True),
        (0.24, 0.14, 0.62, 0.69, False),
        (0.44, 0.15, 0.54, 0.58, False),
        (0.50, 0.22, 0.42, 0.46, False),
    ),
    'hatchback': (
        (-0.50, 0.25, 0.52, 0.56, False),
        (-0.48, 0.16, 0.60, 0.66, True),
        (-0.38, 0.14, 0.62, 0.96, False),
        (0.06, 0.14, 0.62, 1.00, True),
        (0.25, 0.14, 0.60, 0.66, False),
        (0.45, 0.15, 0.52, 0.56, False),
        (0.50, 0.22, 0.40, 0.44, False),
    ),
    'suv': (
        (-0.50, 0.26, 0.55, 0.60, False),
        (-0.48, 0.18, 0.62, 0.70, True),
        (-0.42, 0.17, 0.64, 0.97, False),
        (0.08, 0.17, 0.64, 1.00, True),
        (0.24, 0.17, 0.62, 0.70, False),
        (0.46, 0.18, 0.58, 0.64, False),
        (0.50, 0.24, 0.48, 0.52, False),
    ),
    'van': (
        (-0.50, 0.20, 0.55, 0.95, False),
        (-0.48, 0.14, 0.56, 1.00, False),
        (0.28, 0.14, 0.54, 1.00, True),
        (0.42, 0.14, 0.48, 0.56, False),
        (0.50, 0.18, 0.40, 0.46, False),
    ),
}
_SIZES: dict[str, tuple[float, float, float]] = {
    'sedan': (4.6, 1.80, 1.45),
    'hatchback': (4.0, 1.75, 1.50),
    'suv': (4.7, 1.90, 1.72),
    'van': (5.2, 1.98, 2.15),
}
CAR_KINDS = tuple(_SIZES)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A built vehicle.

    Attributes:
        mesh: Its mesh. kind: What one calls it ('sedan', 'bus', ...). color: Name of its paint.
        length_m: Length. width_m: Width.
    """

    mesh: Mesh
    kind: str
    color: str
    length_m: float
    width_m: float


def _body(stations: Sequence[Sequence[float]], paint: int, glass: int, pillars: bool) -> Mesh:
    """Loft cross-sections (x, half width, bottom, belt, roof, screen) into a closed body."""
    rings = []
    for x, half, bottom, belt, roof, _ in stations:
        tall = np.clip((roof - belt) / 0.5, 0.0, 1.0)
        top = half * (0.93 - 0.13 * tall)
        section = [
            (x, -half * 0.94, bottom), (x, -half, bottom + 0.12), (x, -half, belt),
            (x, -top, roof), (x, top, roof), (x, half, belt), (x, half, bottom + 0.12),
            (x, half * 0.94, bottom),
        ]  # fmt: skip
        rings.append(section)
    count = len(rings)
    faces = ring_faces(count, 8)[:, ::-1]
    surface = np.full((count - 1, 8, 2), paint)
    for k in range(count - 1):
        if stations[k][5]:
            surface[k, 3] = glass
        tall_here = min(s[4] - s[3] for s in stations[k : k + 2]) > 0.3
        if stations[k][5] or tall_here or (pillars and k in (1, 2)):
            surface[k, 2] = surface[k, 4] = glass
    caps = [[0, j, j + 1] for j in range(1, 7)]
    last = (count - 1) * 8
    caps += [[last, last + j + 1, last + j] for j in range(1, 7)]
    vertices = np.array(rings).reshape(-1, 3)
    return make_mesh(
        vertices,
        np.concatenate([faces, np.array(caps)[:, ::-1]]),
        np.concatenate([surface.ravel(), np.full(len(caps), paint)]),
    )


def _lights(table: SurfaceTable, cls: str, length: float, width: float, z: float) -> list[Mesh]:
    """Return head lamps, tail lamps and plates."""
    white = table.add(cls, (0.95, 0.95, 0.9), emission=1.4, gloss=0.1, reflectivity=0.9)
    red = table.add(cls, (0.75, 0.03, 0.03), emission=0.7, reflectivity=0.9)
    plate = table.add(cls, (0.92, 0.92, 0.88), reflectivity=1.0)
    parts = [box((0.04, 0.5, 0.12), (s * (length / 2 + 0.01), 0, z - 0.2), plate) for s in (-1, 1)]
    for side in (-1, 1):
        y = side * (width / 2 - 0.25)
        parts.append(box((0.06, 0.36, 0.13), (length / 2 - 0.02, y, z), white))
        parts.append(box((0.06, 0.26, 0.17), (-length / 2 - 0.01, y, z + 0.1), red))
    return parts


def _wheels(
    table: SurfaceTable, cls: str, axles: Sequence[float], width: float, radius: float
) -> list[Mesh]:
    """Return a pair of wheels per axle position (x, meters)."""
    tyre = table.add(cls, (0.09, 0.09, 0.09), reflectivity=0.05)
    hub = table.add(cls, (0.55, 0.56, 0.58), gloss=0.2, reflectivity=0.5)
    wheel = disc_wheel(radius, 0.24, tyre, hub)
    return [
        wheel.shaped(pose(x, side * (width / 2 - 0.11), 0.0)) for x in axles for side in (-1, 1)
    ]


def make_car(rng: np.random.Generator, table: SurfaceTable, kind: str = '') -> Vehicle:
    """Return a car of a random kind, size and color (or of `kind`)."""
    kind = kind or str(rng.choice(CAR_KINDS, p=[0.36, 0.28, 0.24, 0.12]))
    color = str(
        rng.choice(list(CAR_COLORS), p=[0.2, 0.14, 0.15, 0.15, 0.13, 0.12, 0.04, 0.04, 0.03])
    )
    length, width, height = np.array(_SIZES[kind]) * rng.uniform(0.95, 1.06, 3)
    paint = table.add(
        'Cars', varied(rng, CAR_COLORS[color]), gloss=float(rng.uniform(0.08, 0.24)),
        reflectivity=float(rng.uniform(0.2, 0.5)),
    )  # fmt: skip
    glass = table.add(
        'Cars', (0.10, 0.13, 0.15), texture=Texture.GLASS, gloss=0.45, reflectivity=0.06
    )
    # No two makes share their lines: shift roof and belt a little.
    shift, belt, roof = rng.uniform((-0.03, 0.96, 0.97), (0.03, 1.05, 1.03))
    stations = [
        (
            (x + shift * (1 - 4 * x * x)) * length,
            width / 2 * (1 - 0.5 * max(abs(x) - 0.42, 0)),
            lo * height,
            min(b * belt, r * roof - 0.015) * height,
            r * roof * height,
            g,
        )
        for x, lo, b, r, g in _STATIONS[kind]
    ]
    parts = [_body(stations, paint, glass, pillars=kind == 'van')]
    parts += _wheels(table, 'Cars', (-0.3 * length, 0.31 * length), width, 0.33)
    parts += _lights(table, 'Cars', length, width, 0.43 * height if kind != 'van' else 0.75)
    parts += _roof_load(rng, table, kind, float(height * roof))
    return Vehicle(merge(parts), kind, color, float(length), float(width))


def _roof_load(
    rng: np.random.Generator, table: SurfaceTable, kind: str, roof_m: float
) -> list[Mesh]:
    """Return what some cars carry on their roof: the sign of a taxi, a box or rails."""
    draw = rng.random()
    if draw > 0.25 or kind == 'van':
        return []
    if draw < 0.1:
        sign = table.add('Cars', (0.95, 0.8, 0.2), emission=0.8, reflectivity=0.6)
        return [box((0.2, 0.6, 0.16), (-0.3, 0, roof_m + 0.06), sign)]
    dark = table.add('Cars', (0.12, 0.12, 0.13), gloss=0.1, reflectivity=0.2)
    if draw < 0.17:
        return [box((1.5, 0.8, 0.35), (-0.4, 0, roof_m + 0.16), dark)]
    return [box((1.6, 0.05, 0.08), (-0.4, y, roof_m + 0.02), dark) for y in (-0.55, 0.55)]


def make_bus(rng: np.random.Generator, table: SurfaceTable) -> Vehicle:
    """Return a city bus, articulated bus, coach or double-decker."""
    color = str(rng.choice(['red', 'yellow', 'blue', 'green', 'white', 'orange', 'silver']))
    paint = table.add('Bus', varied(rng, CAR_COLORS[color]), gloss=0.1, reflectivity=0.4)
    second = CAR_COLORS[str(rng.choice(['white', 'grey', color, color]))]
    lower = table.add('Bus', varied(rng, second), gloss=0.1, reflectivity=0.4)
    skirt = table.add('Bus', (0.2, 0.2, 0.22), reflectivity=0.2)
    glass = table.add(
        'Bus', (0.09, 0.11, 0.13), texture=Texture.GLASS, gloss=0.45, reflectivity=0.06
    )
    sign = table.add('Bus', (0.95, 0.6, 0.1), emission=0.8, reflectivity=0.3)
    kind = str(rng.choice(['city', 'long', 'coach', 'double'], p=[0.5, 0.15, 0.2, 0.15]))
    length = float(rng.uniform(15.0, 18.0) if kind == 'long' else rng.uniform(9.0, 12.8))
    width, height = 2.5, {'coach': 3.5, 'double': 4.3}.get(kind, 3.1)
    parts = [
        box((length, width, 0.45), (0, 0, 0.55), skirt),
        box((length, width, height - 0.75), (0, 0, (height + 0.75) / 2), paint),
        box((length + 0.01, width + 0.01, 0.75), (0, 0, 1.13), lower),
        box((length - 0.7, width + 0.02, 0.95), (-0.1, 0, 2.05), glass),
        box((0.04, width - 0.2, 1.35), (length / 2 + 0.01, 0, 1.85), glass),
        box((0.04, width - 0.4, 0.8), (-length / 2 - 0.01, 0, 2.1), glass),
        box((0.05, 1.5, 0.28), (length / 2 + 0.01, 0, 2.78), sign),
        box((2.4, 1.6, 0.3), (-2.0, 0, height + 0.15), skirt),
    ]
    for x in np.arange(-length / 2 + 1.2, length / 2 - 0.6, 1.45):
        parts.append(box((0.09, width + 0.05, 0.98), (float(x), 0, 2.05), paint))
    if kind == 'double':
        parts.append(box((length + 0.02, width + 0.02, 0.8), (0, 0, 3.5), glass))
    if kind == 'long':
        parts.append(box((1.4, width + 0.06, height - 0.6), (0, 0, (height + 0.6) / 2), skirt))
    for x in (length / 2 - 1.1, 0.4):
        parts.append(box((1.1, 0.04, 2.1), (x, -width / 2 - 0.01, 1.45), glass))
    parts += _wheels(table, 'Bus', (-0.27 * length, 0.28 * length), width, 0.48)
    parts += _lights(table, 'Bus', length, width, 0.75)
    return Vehicle(merge(parts), 'bus', color, length, width)


def _truck_load(
    rng: np.random.Generator, length: float, middle: float, load: int, dark: int
) -> list[Mesh]:
    """Return the body of a lorry behind its cab, `length` meters about x = `middle`."""
    kind = str(rng.choice(['box', 'tipper', 'tank', 'flatbed'], p=[0.58, 0.16, 0.12, 0.14]))
    if kind == 'box':
        height = float(rng.uniform(1.9, 2.8))
        return [box((length, 2.5, height), (middle, 0, 0.95 + height / 2), load)]
    if kind == 'tank':
        lying = pose(middle - length / 2, 0, 2.0) @ rotation('y', np.pi / 2)
        barrel = tube((0.7, 1.05, 1.05, 0.7), (0.0, 0.3, length - 0.3, length), load, 12)
        return [barrel.shaped(lying), box((length, 0.9, 0.3), (middle, 0, 1.0), dark)]
    if kind == 'tipper':
        return [box((length, 2.4, 1.1), (middle, 0, 1.5), load),
                box((length - 0.5, 2.1, 0.5), (middle, 0, 2.1), dark)]  # fmt: skip
    parts = [box((length, 2.45, 0.2), (middle, 0, 1.05), dark)]
    for x in np.arange(middle - length / 2 + 0.8, middle + length / 2 - 0.6, 1.7):
        height = float(rng.uniform(0.5, 1.6))
        parts.append(
            box((1.4, float(rng.uniform(1.2, 2.3)), height), (x, 0, 1.15 + height / 2), load)
        )
    return parts


def make_truck(rng: np.random.Generator, table: SurfaceTable) -> Vehicle:
    """Return a lorry: cab and box body, tipper, tank, flatbed or semi-trailer."""
    color = str(rng.choice(['white', 'red', 'blue', 'orange', 'green', 'grey', 'yellow']))
    cab = table.add('Truck', varied(rng, CAR_COLORS[color]), gloss=0.12, reflectivity=0.4)
    dark = table.add('Truck', (0.13, 0.13, 0.14), reflectivity=0.15)
    glass = table.add(
        'Truck', (0.09, 0.11, 0.13), texture=Texture.GLASS, gloss=0.45, reflectivity=0.06
    )
    load_color = CAR_COLORS[str(rng.choice(['white', 'grey', 'blue', 'yellow', 'green']))]
    ribbed = rng.random() < 0.5
    load = table.add(
        'Truck', varied(rng, load_color), texture=Texture.CORRUGATED if ribbed else Texture.PLAIN,
        scale=float(rng.uniform(0.2, 0.6)), reflectivity=0.5,
    )  # fmt: skip
    length = float(rng.uniform(12.5, 16.0) if rng.random() < 0.2 else rng.uniform(6.0, 10.5))
    nose = length / 2
    body_length = length - 2.3
    middle = -length / 2 + body_length / 2
    parts = [
        box((length - 0.4, 1.0, 0.3), (-0.1, 0, 0.75), dark),
        box((2.0, 2.4, 1.2), (nose - 1.0, 0, 1.15), cab),
        box((1.75, 2.3, 1.05), (nose - 1.1, 0, 2.25), cab),
        box((0.06, 2.05, 0.8), (nose - 0.22, 0, 2.2), glass),
        box((0.9, 2.34, 0.65), (nose - 0.85, 0, 2.25), glass),
        box((0.08, 1.9, 0.5), (nose + 0.01, 0, 1.05), dark),
    ]
    parts += _truck_load(rng, body_length, middle, load, dark)
    parts += _wheels(table, 'Truck', (-0.36 * length, -0.22 * length, 0.33 * length), 2.4, 0.5)
    parts += _lights(table, 'Truck', length, 2.4, 0.85)
    return Vehicle(merge(parts), 'truck', color, length, 2.5)
