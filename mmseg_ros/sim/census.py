"""How often each class occurs: labels of many streets, without rendering anything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.types import RGB
from mmseg_ros.projection import load_rig
from mmseg_ros.sim.render.camera import Eye
from mmseg_ros.sim.render.raycast import World
from mmseg_ros.sim.world.scene import build_scene
from mmseg_ros.sim.world.weather import make_sky


@dataclass(frozen=True, slots=True)
class Census:
    """Class statistics.

    Attributes:
        frames: Number of label images. pixels: K int64, pixels per class.
        present: K int64, images that hold the class.
    """

    frames: int
    pixels: NDArray[np.int64]
    present: NDArray[np.int64]

    def table(self) -> str:
        """Return a Markdown table: class, share of pixels, share of images."""
        names, total = load_label_space().names, self.pixels.sum()
        lines = ['| id | class | pixels % | images % |', '|---:|---|---:|---:|']
        for k, name in enumerate(names):
            share, seen = 100 * self.pixels[k] / total, 100 * self.present[k] / self.frames
            lines.append(f'| {k} | {name} | {share:.3f} | {seen:.1f} |')
        return '\n'.join(lines)


def count_classes(
    scenes: int,
    frames: int,
    seed: int = 0,
    interval_s: float = 1.0,
    height: int = 192,
    width: int = 320,
) -> Census:
    """Count the classes of `scenes` streets, `frames` images each, `interval_s` apart."""
    rig = load_rig()
    camera = rig.camera(RGB).resized(height, width)
    classes = load_label_space().num_classes
    pixels, present = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for k in range(scenes):
        scene = build_scene(seed * 1_000_000 + k, frames * interval_s * 16.0)
        world = World(scene)
        eye = Eye(camera, world, make_sky(k, 'sun'))
        for time_s in interval_s * np.arange(frames):
            T = scene.ego.pose(time_s)[0] @ rig.T_base(RGB)
            labels = eye.labels(eye.geometry(world.at(float(time_s)), T))
            counts = np.bincount(labels.ravel(), minlength=256)[:classes]
            pixels += counts
            present += counts > 0
    return Census(scenes * frames, pixels, present)
