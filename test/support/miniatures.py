"""Miniature trees in the official layout of each data set, with the traps that the real ones have.

Every writer returns what a reader of the tree needs: modalities and label space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

H, W = 48, 64
RNG = np.random.default_rng(20)


@dataclass(frozen=True)
class Miniature:
    """What a tree holds."""

    format: str
    modalities: tuple[str, ...]
    label_space: str
    train: str = 'train'
    val: str = 'val'
    encodings: tuple[tuple[str, str], ...] = ()


def write(path: Path, pixels: np.ndarray) -> None:
    """Write an image; three channels are in OpenCV's order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def photo(height: int = H, width: int = W) -> np.ndarray:
    """Return a color image."""
    return RNG.integers(0, 256, (height, width, 3)).astype(np.uint8)


def classes(values: tuple[int, ...], height: int = H, width: int = W) -> np.ndarray:
    """Return a label image of vertical stripes, one per value."""
    stripes = np.array(values, np.uint8)[np.arange(width) * len(values) // width]
    return np.repeat(stripes[None], height, axis=0)


def text(path: Path, content: str) -> None:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding='utf-8')


def mcubes(root: Path) -> Miniature:
    """600 x 800 is cut to 600 x 608: the left 192 columns are border."""
    width = 192 + W
    for split, names in {'train': ('a', 'b'), 'val': ('c', 'd'), 'test': ('e',)}.items():
        text(root / 'list_folder' / f'{split}.txt', '\n'.join([*names, '']))
        for name in names:
            write(root / 'polL_color' / f'{name}.png', photo(H, width).astype(np.uint16) * 257)
            angle = RNG.uniform(-3, 3, (H, width))
            for word, values in (
                ('aolp_sin', 2.6 * np.sin(angle)),  # demosaicing leaves values beyond 1
                ('aolp_cos', np.cos(angle)),
                ('dolp', RNG.uniform(-0.5, 1.4, (H, width))),
            ):
                values[0, 200] = np.nan
                path = root / f'polL_{word}' / f'{name}.npy'
                path.parent.mkdir(exist_ok=True)
                np.save(path, values.astype(np.float32))
            write(root / 'NIR_warped' / f'{name}.png', photo(H, width)[..., 0])
            mask = np.zeros((H, width), np.uint8)
            mask[:, 192:200] = 255
            write(root / 'NIR_warped_mask' / f'{name}.png', mask)
            labels = np.full((H, width), 7, np.uint8)  # only in the border
            labels[:, 192:] = classes((0, 5, 19, 255))
            write(root / 'GT' / f'{name}.png', labels)
    encodings = (('aolp', 'aolp_sincos'), ('dolp', 'dolp'), ('nir', 'grey'))
    return Miniature('mcubes', ('rgb', 'aolp', 'dolp', 'nir'), 'mcubes', encodings=encodings)


def fmb(root: Path) -> Miniature:
    """Labels are class id + 1; there is no validation split."""
    for split in ('train', 'test'):
        for name in ('00001', '00002'):
            write(root / split / 'Visible' / f'{name}.png', photo())
            write(root / split / 'Infrared' / f'{name}.png', np.repeat(photo()[..., :1], 3, 2))
            write(root / split / 'Label' / f'{name}.png', classes((0, 1, 14)))
    return Miniature('fmb', ('rgb', 'thermal'), 'fmb', val='test', encodings=_THERMAL)


_THERMAL = (('thermal', 'grey'),)


def pst900(root: Path) -> Miniature:
    """Five classes with the background."""
    for split in ('train', 'test'):
        for name in ('1_bag_rect', '2_bag_rect'):
            write(root / split / 'rgb' / f'{name}.png', photo())
            write(root / split / 'thermal' / f'{name}.png', photo()[..., 0])
            write(root / split / 'labels' / f'{name}.png', classes((0, 4, 2)))
    return Miniature('pst900', ('rgb', 'thermal'), 'pst900', val='test', encodings=_THERMAL)


def mfnet(root: Path) -> Miniature:
    """The original: color and thermal in one file of four channels."""
    for split, names in {
        'train': ('00001D', '00002N'),
        'val': ('00003D',),
        'test': ('00004N',),
    }.items():
        text(root / f'{split}.txt', '\n'.join(names))
        for name in names:
            write(root / 'images' / f'{name}.png', np.concatenate([photo(), photo()[..., :1]], 2))
            write(root / 'labels' / f'{name}.png', classes((0, 3, 8)))
    return Miniature('mfnet', ('rgb', 'thermal'), 'mfnet', encodings=_THERMAL)


def nyu(root: Path) -> Miniature:
    """HHA and labels 1..40 with 0 for unlabeled; the official splits are train and test."""
    for split, names in {'train': ('0', '1'), 'test': ('2',)}.items():
        text(root / f'{split}.txt', '\n'.join(f'RGB/{n}.jpg Label/{n}.png' for n in names))
        for name in names:
            write(root / 'RGB' / f'{name}.jpg', photo())
            write(root / 'HHA' / f'{name}.png', photo())
            write(root / 'Labels' / f'{name}.png', classes((0, 1, 40)))
    return Miniature('nyu', ('rgb', 'depth'), 'nyu', val='test')


def sunrgbd(root: Path) -> Miniature:
    """Images of several sizes, no lists: the name of a file tells its split."""
    for split in ('train', 'test'):
        for number, (height, width) in enumerate(((H, W), (H + 16, W - 8))):
            name = f'{split}_{number}'
            write(root / 'RGB' / f'{name}.jpg', photo(height, width))
            write(root / 'HHA' / f'{name}.png', photo(height, width))
            write(root / 'labels' / f'{name}.png', classes((0, 1, 37), height, width))
    return Miniature('sunrgbd', ('rgb', 'depth'), 'sunrgbd', val='test')


def cityscapes(root: Path) -> Miniature:
    """Ids or training ids; 255 in `labelIds` is -1, the license plate."""
    for split, city in (('train', 'aachen'), ('train', 'bochum'), ('val', 'lindau')):
        stem = f'{city}_000000_000019'
        write(root / 'leftImg8bit' / split / city / f'{stem}_leftImg8bit.png', photo())
        folder = root / 'gtFine' / split / city
        write(folder / f'{stem}_gtFine_labelIds.png', classes((0, 7, 33, 29, 255)))
        if city == 'bochum':
            write(folder / f'{stem}_gtFine_labelTrainIds.png', classes((255, 0, 18)))
    return Miniature('cityscapes', ('rgb',), 'cityscapes')


def camvid(root: Path) -> Miniature:
    """Images beside label images, 11 is unlabeled."""
    for split in ('train', 'val'):
        for name in ('0001', '0002'):
            write(root / split / f'{name}.png', photo())
            write(root / f'{split}annot' / f'{name}.png', classes((0, 10, 11)))
    return Miniature('camvid', ('rgb',), 'camvid')


def folder(root: Path) -> Miniature:
    """Any folders, described by a YAML file."""
    for split in ('train', 'val'):
        for name in ('day/a', 'night/b'):
            write(root / 'pictures' / split / f'{name}.jpg', photo())
            write(root / 'heat' / split / f'{name}.png', photo()[..., 0].astype(np.uint16) * 100)
            write(root / 'truth' / split / f'{name}_label.png', classes((1, 2, 7)))
    text(
        root / 'mmseg_dataset.yaml',
        'labels:\n  path: truth/{split}/{name}_label.png\n  ids: {1: 0, 2: 18, 7: -1}\n'
        'modalities:\n  rgb: pictures/{split}/{name}.jpg\n'
        '  thermal: {path: "heat/{split}/{name}.png", encoding: grey, range: [0, 25500]}\n',
    )
    return Miniature('folder', ('rgb', 'thermal'), 'cityscapes', encodings=_THERMAL)


CALIB_TXT = (
    'P0: 40 0 32 0 0 40 24 0 0 0 1 0\nP2: 40 0 32 0 0 40 24 0 0 0 1 0\n'
    'Tr: 0 -1 0 0 0 0 -1 0 1 0 0 0\n'
)
"""A LiDAR at the camera, looking along its x axis."""


def scan(count: int = 4000) -> np.ndarray:
    """Return N x 4 float32: a wall 5 m ahead, with points behind the sensor."""
    points = np.empty((count, 4), np.float32)
    points[:, 0] = 5.0
    points[:, 1] = RNG.uniform(-5, 5, count)
    points[:, 2] = RNG.uniform(-4, 4, count)
    points[:, 3] = 0.5
    points[:50, 0] = -5.0  # behind: must not be mirrored into the image
    return points


def semantickitti(root: Path) -> Miniature:
    """Labels with instances in the upper bits, moving classes and ignored ones."""
    for sequence in ('00', '08'):
        place = root / 'sequences' / sequence
        text(place / 'calib.txt', CALIB_TXT)
        for stem in ('000000', '000001'):
            points = scan()
            raw = np.where(points[:, 1] > 0, 252, 40).astype(np.uint32)  # moving car, road
            raw[points[:, 2] > 2] = 52  # other structure: ignored
            raw |= np.uint32(77 << 16)
            for name, values in (('velodyne', points), ('labels', raw)):
                (place / name).mkdir(exist_ok=True)
                suffix = '.bin' if name == 'velodyne' else '.label'
                values.tofile(place / name / f'{stem}{suffix}')
            write(place / 'image_2' / f'{stem}.png', photo())
    return Miniature('semantickitti', ('rgb', 'lidar'), 'semantickitti')


def kitti360(root: Path) -> Miniature:
    """Garage, gate and small pole share training ids with others; unknown ids are ignored."""
    drive = '2013_05_28_drive_0000_sync'
    text(root / 'calibration' / 'perspective.txt', (
        f'S_rect_00: {W} {H}\nR_rect_00: 1 0 0 0 1 0 0 0 1\n'
        'P_rect_00: 40 0 32 0 0 40 24 0 0 0 1 0\n'
    ))  # fmt: skip
    text(root / 'calibration' / 'calib_cam_to_velo.txt', '0 0 1 0 -1 0 0 0 0 -1 0 0')
    for split, numbers in {'train': (0, 1), 'val': (2,)}.items():
        lines = []
        for number in numbers:
            name = f'{number:010d}'
            image = f'data_2d_raw/{drive}/image_00/data_rect/{name}.png'
            labels = f'data_2d_semantics/train/{drive}/image_00/semantic/{name}.png'
            write(root / image, photo())
            write(root / labels, classes((7, 34, 35, 37, 44, 0)))
            path = root / 'data_3d_raw' / drive / 'velodyne_points' / 'data' / f'{name}.bin'
            path.parent.mkdir(parents=True, exist_ok=True)
            scan().tofile(path)
            lines.append(f'{image} {labels}')
        listed = root / 'data_2d_semantics' / 'train' / f'2013_05_28_drive_{split}_frames.txt'
        text(listed, '\n'.join(lines))
    return Miniature('kitti360', ('rgb', 'lidar'), 'cityscapes')


def events(path: Path, columns: dict[str, np.ndarray], **arrays: np.ndarray | int) -> None:
    """Write an HDF5 file of events, packed with blosc as the real ones are."""
    h5py = pytest.importorskip('h5py')
    hdf5plugin = pytest.importorskip('hdf5plugin')
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, 'w') as file:
        for name, values in columns.items():
            file.create_dataset(f'events/{name}', data=values, **hdf5plugin.Blosc())
        for name, value in arrays.items():
            file[name] = value


def dsec(root: Path) -> Miniature:
    """Events 480 x 640 with an offset in time, labels of the upper 440 rows."""
    offset_us = 49_599_300_523
    for sequence in ('zurich_city_00_a', 'zurich_city_13_a'):
        place = root / sequence
        n = 3000
        t = np.sort(RNG.integers(0, 200_000, n)).astype(np.uint32)
        columns = {
            'x': RNG.integers(0, 640, n).astype(np.uint16),
            'y': RNG.integers(0, 480, n).astype(np.uint16),
            't': t,
            'p': RNG.integers(0, 2, n).astype(np.uint8),
        }
        ms_to_idx = np.searchsorted(t, np.arange(0, 202) * 1000).astype(np.int64)
        left = place / 'events' / 'left'
        events(left / 'events.h5', columns, ms_to_idx=ms_to_idx, t_offset=offset_us)
        v, u = np.mgrid[:480, :640].astype(np.float32)
        events(left / 'rectify_map.h5', {}, rectify_map=np.stack([u + 3.2, v - 1.8], -1))
        stamps = [offset_us + us for us in (20_000, 100_000, 150_000)]  # the first comes too early
        for number in range(3):
            name = f'{number:06d}.png'
            write(
                place / 'semantic' / '11classes' / 'data' / name, classes((0, 10, 255), 440, 640)
            )
        stamps_file = place / 'semantic' / '11classes' / 'timestamps.txt'
        text(stamps_file, '\n'.join(map(str, stamps)))
    return Miniature('dsec', ('event',), 'dsec11', val='test')


def muses(root: Path) -> Miniature:
    """Raw sensors of two frames a split; see `muses_frame`."""
    import muses_miniature

    return muses_miniature.write_tree(root)


def deliver(root: Path) -> Miniature:
    """DeLiVER's folders."""
    from mmseg_ros.datasets.tiny import write_tiny_dataset

    write_tiny_dataset(root, {'train': 2, 'val': 1}, H, W)
    return Miniature('deliver', ('rgb', 'depth', 'event', 'lidar'), 'deliver')


WRITERS: dict[str, Callable[[Path], Miniature]] = {
    make.__name__: make
    for make in (
        camvid, cityscapes, deliver, dsec, fmb, folder, kitti360, mcubes, mfnet, muses, nyu,
        pst900, semantickitti, sunrgbd,
    )
}  # fmt: skip
