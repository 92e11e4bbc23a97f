"""The objects of the scene graph that a camera sees in one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import load_label_space
from mmseg_ros.sim.world.mesh import FloatArray
from mmseg_ros.sim.world.stage import SceneObject

NOUNS: dict[str, tuple[str, str]] = {
    'sedan': ('car', 'Cars'),
    'hatchback': ('car', 'Cars'),
    'suv': ('car', 'Cars'),
    'car': ('car', 'Cars'),
    'van': ('van', 'Cars'),
    'bus': ('bus', 'Bus'),
    'truck': ('truck', 'Truck'),
    'person': ('person', 'Pedestrian'),
    'rider': ('rider', 'Pedestrian'),
    'bicycle': ('bicycle', 'TwoWheeler'),
    'motorbike': ('motorbike', 'TwoWheeler'),
    'traffic light': ('traffic light', 'TrafficLight'),
    'stop sign': ('stop sign', 'TrafficSign'),
    'speed limit sign': ('speed limit sign', 'TrafficSign'),
    'warning sign': ('warning sign', 'TrafficSign'),
    'direction sign': ('direction sign', 'TrafficSign'),
    'parking sign': ('parking sign', 'TrafficSign'),
    'street lamp': ('street lamp', 'Pole'),
    'tree': ('tree', 'Vegetation'),
    'bin': ('bin', 'Dynamic'),
    'dog': ('dog', 'Dynamic'),
    'bench': ('bench', 'Static'),
    'hydrant': ('hydrant', 'Static'),
    'bus stop': ('bus shelter', 'Static'),
    'bridge': ('bridge', 'Bridge'),
    'billboard': ('billboard', 'Other'),
}
"""Kind in the scene graph -> (what one calls it, class of the pixels that are meant)."""


@dataclass(frozen=True, slots=True)
class VisibleObject:
    """One object in one image.

    Attributes:
        instance: Id in the scene graph. noun: What one calls it. class_id: Class of its pixels.
        color: Color word, or ''. moving: Whether it is an actor.
        pixels: Size of its mask. center: Column and row of the mask's middle, 0..1.
        box: Columns and rows of its mask: left, top, right, bottom (inclusive).
        depth_m: Median depth.
    """

    instance: int
    noun: str
    class_id: int
    color: str
    moving: bool
    pixels: int
    center: tuple[float, float]
    box: tuple[int, int, int, int]
    depth_m: float


def find_visible(
    objects: Sequence[SceneObject],
    labels: NDArray[np.uint8],
    instances: NDArray[np.int32],
    depth_m: FloatArray,
) -> list[VisibleObject]:
    """Return all objects with a noun that show at least one pixel, in the order of their ids.

    Args:
        objects: The scene graph.
        labels: H x W class ids.
        instances: H x W object ids, or -1.
        depth_m: H x W meters.
    """
    space, found = load_label_space(), []
    order = np.argsort(instances, axis=None, kind='stable')
    ids, starts = np.unique(instances.ravel()[order], return_index=True)
    for instance, pixels in zip(ids, np.split(order, starts[1:]), strict=True):
        thing = objects[instance] if instance >= 0 else None
        if thing is None or thing.kind not in NOUNS:
            continue
        noun, class_name = NOUNS[thing.kind]
        class_id = space.class_id(class_name)
        meant = pixels[labels.ravel()[pixels] == class_id]
        if len(meant):
            found.append(_visible_object(thing, noun, class_id, meant, labels.shape, depth_m))
    return found


def _visible_object(
    thing: SceneObject, noun: str, class_id: int, pixels: NDArray[np.intp],
    shape: tuple[int, ...], depth_m: FloatArray,
) -> VisibleObject:  # fmt: skip
    rows, columns = np.divmod(pixels, shape[1])
    return VisibleObject(
        instance=thing.instance,
        noun=noun,
        class_id=class_id,
        color=thing.color,
        moving=thing.moving,
        pixels=len(pixels),
        center=(float(columns.mean() / shape[1]), float(rows.mean() / shape[0])),
        box=(int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())),
        depth_m=float(np.median(depth_m.ravel()[pixels])),
    )
