"""Reader of the synthetic referring data: what `mmseg_ros simulate --referring` writes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.safe_yaml import load_json
from mmseg_ros.datasets.deliver import SPLITS
from mmseg_ros.datasets.refer import REGION, ReferringSample, ReferringTarget

REGIONS: dict[str, tuple[str, ...]] = {
    'the road': ('Road', 'RoadLine'),
    'the sidewalk': ('SideWalk',),
    'the sky': ('Sky',),
    'the buildings': ('Building',),
    'the plants': ('Vegetation',),
    'the grass': ('Terrain',),
    'all cars': ('Cars',),
    'all people': ('Pedestrian',),
    'all traffic signs': ('TrafficSign',),
}
"""Text prompt -> classes of the pixels that it means, none of which is one object."""
REGION_SHARE = 0.01
"""Share of the image that a region must cover to be asked for."""


class SimulatedReferring:
    """Objects of one split with their sentences: `ROOT/referring/CONDITION/SPLIT/SCENE/*.json`.

    Args:
        root: Folder of the data set, in DeLiVER's layout.
        split: train, val or test.
        regions: Whether classes that a sentence can mean as a whole are samples too.

    Raises:
        DatasetError: There are no text prompts, or a file is missing or damaged.
    """

    def __init__(self, root: str | Path, split: str, regions: bool = False) -> None:
        self.root = Path(root)
        if split not in SPLITS:
            raise DatasetError(f'Expected split to be one of {", ".join(SPLITS)}, got {split!r}.')
        files = sorted(self.root.glob(f'referring/*/{split}/*/*.json'))
        if not files:
            raise DatasetError(
                f'No text prompts match {self.root}/referring/*/{split}/*/*.json; '
                'write the data set with `mmseg_ros simulate --referring`.'
            )
        self._items: list[tuple[Path, dict[str, Any]]] = []
        for file in files:
            self._items += [(file, item) for item in _objects(file)]
            if regions:
                self._items += [(file, item) for item in self._regions(file)]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> ReferringSample:
        file, item = self._items[index]
        image_name = _image_name(file)
        image = self.image(image_name)
        if 'classes' in item:
            mask = np.isin(self.labels(image_name), item['classes'])
            name, kind = f'{image_name}#{item["sentences"][0]}', REGION
            return ReferringSample(name, image_name, image, mask, item['sentences'], kind)
        mask = _read(file.with_name(item['mask']), cv2.IMREAD_GRAYSCALE) > 0
        if mask.shape != image.shape[:2]:
            raise DatasetError(
                f'{file.with_name(item["mask"])}: the mask is {mask.shape}, its image '
                f'{image.shape[:2]}.'
            )
        name = f'{image_name}#{item["mask"]}'
        return ReferringSample(name, image_name, image, mask, item['sentences'])

    def target(self, index: int) -> ReferringTarget:
        """Return the mask and the text prompts of a sample."""
        sample = self[index]
        return ReferringTarget(sample.image_name, sample.mask, sample.sentences, sample.kind)

    def image(self, image_name: str) -> NDArray[np.uint8]:
        """Return H x W x 3 uint8 RGB."""
        pixels = _read(self.root / image_name, cv2.IMREAD_COLOR)
        return np.ascontiguousarray(pixels[..., ::-1])

    def labels(self, image_name: str) -> NDArray[np.uint8]:
        """Return H x W uint8 class ids of an image, 255 where unlabeled."""
        name = image_name.replace('img/', 'semantic/', 1).replace('_rgb_', '_semantic_')
        raw = _read(self.root / name, cv2.IMREAD_UNCHANGED)
        raw = raw[..., 2] if raw.ndim == 3 else raw
        return np.asarray(raw - np.uint8(1), np.uint8)  # 0, unlabeled, becomes 255

    def _regions(self, file: Path) -> list[dict[str, Any]]:
        labels, found = self.labels(_image_name(file)), []
        space = load_label_space()
        for sentence, names in REGIONS.items():
            classes = [space.class_id(name) for name in names]
            if np.isin(labels, classes).mean() >= REGION_SHARE:
                found.append({'sentences': (sentence,), 'classes': classes})
        return found


def _objects(file: Path) -> list[dict[str, Any]]:
    """Return the objects of an image; text prompts about the same object are joined."""
    objects: dict[str, dict[str, Any]] = {}
    for item in _read_json(file)['expressions']:
        known = objects.setdefault(item['mask'], {'mask': item['mask'], 'sentences': ()})
        known['sentences'] += (item['sentence'],)
    return list(objects.values())


def _image_name(file: Path) -> str:
    return str(_read_json(file)['image'])


@lru_cache(maxsize=8)
def _read_json(file: Path) -> dict[str, Any]:
    data = load_json(file, DatasetError)
    try:
        if isinstance(data['image'], str) and isinstance(data['expressions'], list):
            return dict(data)
    except (KeyError, TypeError) as error:
        raise DatasetError(f'{file} holds no image with text prompts ({error}).') from error
    raise DatasetError(f'{file} holds no image with text prompts.')


def _read(path: Path, flag: int) -> NDArray[Any]:
    pixels = cv2.imread(str(path), flag)
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    return pixels
