"""Writes sequences in DeLiVER's folder layout, with the images that the live node makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.config import EVENT_WINDOW_S
from mmseg_ros.core.errors import ConfigError, DatasetError
from mmseg_ros.core.modalities import DELIVER_FOLDERS, STANDARD_ENCODINGS
from mmseg_ros.core.safe_yaml import load_yaml
from mmseg_ros.core.types import RGB, STANDARD_MODALITIES, CloseReason, FrameSet, Modality
from mmseg_ros.encoding import EncodingContext, encode
from mmseg_ros.labelling.image_files import write_image
from mmseg_ros.projection import Rig, align, load_rig
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.sim.parallel import leave_interrupts_to_parent
from mmseg_ros.sim.recording import ODOMETRY_HZ
from mmseg_ros.sim.referring import make_expressions
from mmseg_ros.sim.sensing.lidar import LidarModel
from mmseg_ros.sim.sequence import Drive, DriveConfig, DriveFrame, check_renderer
from mmseg_ros.sim.varied_sensors import draw_sensors
from mmseg_ros.sim.visible_objects import find_visible
from mmseg_ros.sim.world.stage import SceneObject
from mmseg_ros.sim.world.weather import CONDITIONS, FAILURES

SPLITS: tuple[str, ...] = ('train', 'val', 'test')
RIGS: tuple[str, ...] = ('train', 'all', 'fixed')
"""Which scenes get a sensor set of their own: those of the split train, all, or none."""
WORLD = 2
"""Edition of the world: streets of the same seed differ between editions, so they do not mix."""
SECTOR_DEG = 150.0
"""Sector of the LiDAR that is simulated: a data set only holds what the camera sees."""
_EVENT_WINDOW_NS = round(EVENT_WINDOW_S * 1e9)


@dataclass(frozen=True, kw_only=True)
class DatasetConfig:
    """What to write.

    Attributes:
        out: Folder of the data set. scenes: Sequences to simulate. frames: Frames of each.
        height: Rows of the images. width: Columns. interval_s: Time between frames.
        conditions: Conditions in turn. failure_share: Share of scenes with a sensor failure.
        split: train, val, test, or auto: three, one and one scene of five.
        seed: Scenes of other seeds, and of other splits, differ.
        rig: Sensors. rigs: Which scenes vary them, see RIGS.
        referring: Whether text prompts with masks are written too.
        renderer: What makes the camera's images, see sequence.RENDERERS.
        meshes: See sequence.DriveConfig.

    Raises:
        ConfigError: A value is unknown or out of range.
    """

    out: Path
    scenes: int
    frames: int
    height: int = 192
    width: int = 320
    interval_s: float = 0.5
    conditions: tuple[str, ...] = CONDITIONS
    failure_share: float = 0.15
    split: str = 'auto'
    seed: int = 0
    rig: Rig | None = None
    referring: bool = False
    renderer: str = 'fast'
    rigs: str = 'train'
    meshes: str = ''

    def __post_init__(self) -> None:
        check_renderer(self.renderer)
        if self.rigs not in RIGS:
            raise ConfigError(f'Rigs must be one of {", ".join(RIGS)}, but is {self.rigs!r}.')
        unknown = set(self.conditions) - set(CONDITIONS)
        if unknown or not self.conditions:
            raise ConfigError(
                f'Conditions must be of {", ".join(CONDITIONS)}, but are {self.conditions}.'
            )
        if self.split not in (*SPLITS, 'auto'):
            raise ConfigError(f'Split must be auto, train, val or test, but is {self.split!r}.')
        if min(self.scenes, self.frames, self.height, self.width) < 1:
            raise ConfigError('Scenes, frames, height and width must be at least 1.')


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """One scene of a data set: where it goes and what it is made from."""

    seed: int
    condition: str
    failure: str
    split: str
    name: str

    @property
    def folder(self) -> str:
        """Return CONDITION/SPLIT/SCENE."""
        return f'{self.condition}/{self.split}/{self.name}'


def plan_scenes(config: DatasetConfig) -> list[ScenePlan]:
    """Return the scenes of a data set; the same configuration gives the same plan."""
    rng = np.random.default_rng([config.seed, 17])
    plans = []
    for k in range(config.scenes):
        split = (
            ('train', 'train', 'train', 'val', 'test')[k % 5]
            if config.split == 'auto'
            else config.split
        )
        seed = config.seed * 1_000_000 + SPLITS.index(split) * 300_000 + k
        failure = str(rng.choice(FAILURES)) if rng.random() < config.failure_share else ''
        name = f'MAP_{config.seed + 1}_point{seed}' + (f'_{failure}' if failure else '')
        shift = k // 5 if config.split == 'auto' else 0
        condition = config.conditions[(k + shift) % len(config.conditions)]
        plans.append(ScenePlan(seed, condition, failure, split, name))
    return plans


def write_dataset(config: DatasetConfig, jobs: int = 1) -> Iterator[tuple[ScenePlan, bool]]:
    """Write all scenes that are not there yet; yield each when it is complete.

    Yields:
        (plan, whether it was written now); a scene that stood there already comes with False.

    Raises:
        DatasetError: The folder holds a data set of another size or camera.
    """
    rig = config.rig or load_rig()
    config.out.mkdir(parents=True, exist_ok=True)
    _claim(config, rig)
    todo = []
    for plan in plan_scenes(config):
        if _complete(config, plan):
            yield plan, False
        else:
            todo.append(plan)
    if jobs <= 1:
        for plan in todo:
            write_scene(config, rig.to_dict(), plan)
            yield plan, True
        return
    with ProcessPoolExecutor(jobs, initializer=leave_interrupts_to_parent) as pool:
        futures = {pool.submit(write_scene, config, rig.to_dict(), plan): plan for plan in todo}
        for future in as_completed(futures):
            future.result()
            yield futures[future], True


def _claim(config: DatasetConfig, rig: Rig) -> None:
    """Write what the data set is, or check that the folder already holds the same."""
    facts = {
        'generator': 'mmseg_ros simulate',
        'renderer': config.renderer,
        'world': WORLD,
        'rigs': config.rigs,
        **({'meshes': config.meshes} if config.meshes else {}),
        'height': config.height,
        'width': config.width,
        'event_window_ns': _EVENT_WINDOW_NS,
        'encodings': dict(STANDARD_ENCODINGS),
        'calibration': rig.to_dict(),
    }
    path = config.out / 'dataset.yaml'
    if path.exists() and load_yaml(path, DatasetError) != facts:
        raise DatasetError(
            f'{path} describes a data set of another size, rig or encoding; choose another --out.'
        )
    write_text(path, yaml.safe_dump(facts, sort_keys=False))


def _semantic_path(config: DatasetConfig, plan: ScenePlan, k: int) -> Path:
    return config.out / 'semantic' / plan.folder / f'{k:06d}_semantic_front.png'


def _complete(config: DatasetConfig, plan: ScenePlan) -> bool:
    return all(_semantic_path(config, plan, k).exists() for k in range(config.frames))


def write_scene(config: DatasetConfig, rig: Mapping[str, object], plan: ScenePlan) -> None:
    """Simulate one scene and write its frames; labels come last, so that they mark a whole frame.

    Args:
        config: The data set.
        rig: As `Rig.to_dict` gives it.
        plan: The scene.
    """
    cv2.setNumThreads(1)
    drive = Drive(plan.seed, _drive_config(config, Rig.from_dict(rig), plan))
    for k, frame in enumerate(drive.frames()):
        images = encode_frame(frame, drive, config.height, config.width)
        for modality, (folder, word) in DELIVER_FOLDERS.items():
            path = config.out / folder / plan.folder / f'{k:06d}_{word}_front.png'
            write_image(path, images[modality], durable=False)
        if config.referring:
            _write_referring(config, plan, k, frame, drive.scene.objects)
        labels = semantic_image(frame.labels, config.height, config.width)
        write_image(_semantic_path(config, plan, k), labels, durable=False)


def _drive_config(config: DatasetConfig, rig: Rig, plan: ScenePlan) -> DriveConfig:
    settings = DriveConfig(
        frames=config.frames, interval_s=config.interval_s, condition=plan.condition,
        failure=plan.failure, rig=rig, lidar=LidarModel(sector_deg=SECTOR_DEG),
        renderer=config.renderer, meshes=config.meshes,
    )  # fmt: skip
    if config.rigs == 'fixed' or (config.rigs == 'train' and plan.split != 'train'):
        return settings
    drawn = draw_sensors(plan.seed, rig, SECTOR_DEG)
    return replace(
        settings, rig=drawn.rig, lidar=drawn.lidar, depth=drawn.depth, events=drawn.events
    )


def _write_referring(
    config: DatasetConfig,
    plan: ScenePlan,
    k: int,
    frame: DriveFrame,
    objects: Sequence[SceneObject],
) -> None:
    """Write NNNNNN.json (text prompts) and one mask (0 or 255) per text prompt."""
    folder = config.out / 'referring' / plan.folder
    visible = find_visible(objects, frame.labels, frame.instances, frame.true_depth_m)
    rng = np.random.default_rng([plan.seed, 29, k])
    entries = []
    for n, item in enumerate(make_expressions(visible, frame.labels.shape[:2], rng, most=24)):
        mask = item.mask(frame.labels, frame.instances).astype(np.uint8) * np.uint8(255)
        size = (config.width, config.height)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
        name = f'{k:06d}_{n}.png'
        write_image(folder / name, mask, durable=False)
        entries.append(
            {
                'sentence': item.sentence,
                'mask': name,
                'class_id': item.target.class_id,
                'instance': item.target.instance,
                'depth_m': round(item.target.depth_m, 2),
            }
        )
    image = f'img/{plan.folder}/{k:06d}_rgb_front.png'
    text = json.dumps({'image': image, 'expressions': entries}, indent=1)
    write_text(folder / f'{k:06d}.json', text + '\n')


def encode_frame(
    frame: DriveFrame, drive: Drive, height: int, width: int
) -> dict[Modality, NDArray[np.uint8]]:
    """Return the H x W x 3 uint8 network images of a frame, exactly as the live node makes them.

    A modality that saw nothing at all is black.

    Args:
        frame: What the sensors gave.
        drive: Where it comes from: rig and motion of the vehicle.
        height: Rows of the images.
        width: Columns of the images.
    """
    frame_set = FrameSet(
        RGB, frame.stamp_ns, frame.samples, STANDARD_MODALITIES, CloseReason.COMPLETE
    )
    rig, odometry = drive.rig, _odometry_around(drive, frame.stamp_ns)
    aligned, _ = align(frame_set, rig, height, width, _EVENT_WINDOW_NS, odometry)
    context = EncodingContext(rig.camera(RGB).resized(height, width), rig.T_base(RGB))
    return {
        name: encode(STANDARD_ENCODINGS[name], aligned.planes[name], context)
        if name in aligned.planes
        else np.zeros((height, width, 3), np.uint8)
        for name in STANDARD_MODALITIES
    }


def semantic_image(labels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return H x W x 4 uint8 (BGRA) with class id + 1 in the color channels, 0 where ignored."""
    small = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    raw = (small + np.uint8(1)).astype(np.uint8)
    return np.stack([raw, raw, raw, np.full_like(raw, 255)], -1)


def _odometry_around(drive: Drive, stamp_ns: int) -> Odometry:
    """Return the poses of the vehicle during the sweep around a stamp."""
    period_ns = round(1e9 / ODOMETRY_HZ)
    stamps = [stamp_ns + k * period_ns for k in range(-4, 5)]
    odometry = Odometry()
    for t, T in zip(stamps, drive.poses(stamps), strict=True):
        odometry.add(t, T)
    return odometry
