"""Reader of RefCOCO, RefCOCO+ and RefCOCOg."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.safe_yaml import MOST_TABLE_BYTES, load_json
from mmseg_ros.datasets.coco_masks import decode_segmentation
from mmseg_ros.datasets.image_files import read_rgb
from mmseg_ros.datasets.refer import ReferringSample, ReferringTarget

SPLITS: dict[str, dict[str, tuple[str, ...]]] = {
    'refcoco': {
        'unc': ('train', 'val', 'testA', 'testB'),
        'google': ('train', 'val', 'test'),
    },
    'refcoco+': {
        'unc': ('train', 'val', 'testA', 'testB'),
        'google': ('train', 'val', 'test'),
    },
    'refcocog': {'umd': ('train', 'val', 'test'), 'google': ('train', 'val')},
}
"""Data set -> who split it -> splits."""
IMAGE_FOLDER = 'images/mscoco/images/train2014'
_REF_FIELDS = {'ref_id': int, 'ann_id': int, 'image_id': int, 'split': str, 'sentences': list}


class RefCoco:
    """References of one split: `ROOT/NAME/{instances.json, refs(SPLIT_BY).p}` and COCO's images.

    A sample is one object with all its text prompts, as people wrote them (`raw`). Samples are
    sorted by image.

    Args:
        root: Folder with `refcoco`, `refcoco+`, `refcocog` and `images`.
        name: One of `SPLITS`. split_by: Who split it, such as unc. split: Such as testA.
        images: Folder of COCO's train2014 images; None takes `ROOT/images/mscoco/...`.

    Raises:
        DatasetError: A name is unknown, or a file is missing, damaged or holds anything else
            than plain data.
    """

    def __init__(
        self,
        root: Path | str,
        name: str,
        split_by: str,
        split: str,
        images: Path | str | None = None,
    ) -> None:
        _check_names(name, split_by, split)
        folder = Path(root) / name
        self.images = Path(images) if images else Path(root) / IMAGE_FOLDER
        references = read_references(folder / f'refs({split_by}).p')
        chosen = [ref for ref in references if ref['split'] == split]
        if not chosen:
            raise DatasetError(f'{folder}/refs({split_by}).p holds no reference of {split!r}.')
        self._references = sorted(chosen, key=lambda ref: (ref['image_id'], ref['ref_id']))
        wanted = {ref['ann_id'] for ref in chosen}
        self._instances = folder / 'instances.json'
        self._sizes, self._segmentations = _read_instances(self._instances, wanted)
        missing = wanted - self._segmentations.keys()
        if missing:
            raise DatasetError(
                f'{folder}/instances.json lacks {len(missing)} annotations, the first is '
                f'{min(missing)}; take the file that came with the references.'
            )

    def __len__(self) -> int:
        return len(self._references)

    def __getitem__(self, index: int) -> ReferringSample:
        target = self.target(index)
        return ReferringSample(
            name=f'{target.image_name}#{self._references[index]["ref_id"]}',
            image_name=target.image_name,
            image=self.image(target.image_name),
            mask=target.mask,
            sentences=target.sentences,
        )

    def target(self, index: int) -> ReferringTarget:
        """Return the mask and the text prompts of a sample; no image is read."""
        ref = self._references[index]
        return ReferringTarget(
            image_name=coco_image_name(ref['image_id']),
            mask=self._mask(ref['ann_id'], ref['image_id']),
            sentences=tuple(str(item['raw']) for item in ref['sentences']),
        )

    def image(self, image_name: str) -> NDArray[np.uint8]:
        """Return H x W x 3 uint8 RGB.

        Raises:
            DatasetError: The image is missing, damaged, or of another size than its annotations.
        """
        pixels = read_rgb(self.images / image_name)
        height, width = self._sizes[int(image_name[-16:-4])]
        if pixels.shape[:2] != (height, width):
            raise DatasetError(
                f'{self.images / image_name} is {pixels.shape[:2]}, expected {(height, width)}; '
                'take the original images.'
            )
        return pixels

    def _mask(self, annotation: int, image_id: int) -> NDArray[np.bool_]:
        try:
            return decode_segmentation(self._segmentations[annotation], *self._sizes[image_id])
        except (DatasetError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f'{self._instances}: the mask of annotation {annotation} cannot be read ({error}).'
            ) from error

    def labels(self, image_name: str) -> None:
        """Return None: the data sets have no classes per pixel."""


def coco_image_name(image_id: int) -> str:
    """Return the file name of an image of COCO's train2014."""
    return f'COCO_train2014_{image_id:012d}.jpg'


def read_references(path: Path) -> list[dict[str, Any]]:
    """Return the references of a `refs(...).p` file.

    The file is a pickle. Only plain values are read from it: numbers, text, lists, tuples and
    dictionaries. A file that names any class or function is rejected before that is looked up.

    Raises:
        DatasetError: There is no such file, or it holds anything else.
    """
    try:
        with path.open('rb') as file:
            references = _PlainUnpickler(file, encoding='latin1').load()
    except OSError as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    except DatasetError as error:
        raise DatasetError(f'{path}: {error}') from error
    except Exception as error:  # unpickling a damaged file raises many kinds
        raise DatasetError(f'{path} is no readable pickle ({error}).') from error
    if not isinstance(references, list) or not all(map(_is_reference, references)):
        raise DatasetError(f'{path} holds no list of references with {", ".join(_REF_FIELDS)}.')
    return references


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        raise DatasetError(
            f'the pickle asks for {module_name}.{global_name}; references are plain data, so '
            'this file was made by somebody else. It was not run'
        )

    def persistent_load(self, pid: Any) -> Any:
        raise DatasetError(f'the pickle asks for an outside object {pid!r}; it was not run')


def _is_reference(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and all(isinstance(item.get(key), kind) for key, kind in _REF_FIELDS.items())
        and bool(item['sentences'])
        and all(isinstance(s, dict) and isinstance(s.get('raw'), str) for s in item['sentences'])
    )


def _read_instances(
    path: Path, wanted: set[int]
) -> tuple[dict[int, tuple[int, int]], dict[int, Any]]:
    """Return the images' height and width by id, and the wanted annotations' segmentations."""
    data = load_json(path, DatasetError, MOST_TABLE_BYTES)
    try:
        sizes = {item['id']: (item['height'], item['width']) for item in data['images']}
        found = {
            item['id']: item['segmentation']
            for item in data['annotations']
            if item['id'] in wanted
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f'{path} cannot be read as COCO annotations ({error}).') from error
    return sizes, found


def _check_names(name: str, split_by: str, split: str) -> None:
    if name not in SPLITS:
        raise DatasetError(f'unknown data set {name!r}; choose one of {", ".join(SPLITS)}')
    if split_by not in SPLITS[name]:
        raise DatasetError(f'{name} is split by {" or ".join(SPLITS[name])}, not {split_by!r}')
    if split not in SPLITS[name][split_by]:
        raise DatasetError(
            f'{name} split by {split_by} has {", ".join(SPLITS[name][split_by])}, not {split!r}'
        )
