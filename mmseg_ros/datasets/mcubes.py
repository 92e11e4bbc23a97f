"""Reader of MCubeS: color, polarization and near infrared with 20 materials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import RGB, Modality, Plane
from mmseg_ros.datasets.file_frames import (
    FileFrames,
    FrameFiles,
    Layout,
    choose_split,
    no_conditions,
)
from mmseg_ros.datasets.image_files import read_array, read_grey, read_lines, read_pixels, read_rgb
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader
from mmseg_ros.encoding import EncodingContext, encode

AOLP, DOLP, NIR = 'aolp', 'dolp', 'nir'
CUT_COLUMNS = 192
"""The left border, where warping left nothing of the other cameras."""
ENCODINGS = {AOLP: 'aolp_sincos', DOLP: 'dolp', NIR: 'grey'}
_MASK_FOLDER = 'NIR_warped_mask'


def open_mcubes(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/{polL_color,polL_aolp_sin,polL_aolp_cos,polL_dolp,NIR_warped,GT}/NAME.*`.

    `list_folder/SPLIT.txt` names the frames of a split. The left 192 columns are cut. With near
    infrared among the modalities, pixels of `NIR_warped_mask` that are white are not labeled: the
    warped image holds nothing there.

    Raises:
        DatasetError: The split is unknown, a list or an image is missing, or the label space does
            not have 20 classes.
    """
    no_conditions(root, conditions)
    require_classes(label_space, 20, str(root))
    lists = root / 'list_folder'
    choose_split(root, split, sorted(path.stem for path in lists.glob('*.txt')))
    names = [Path(line).stem for line in read_lines(lists / f'{split}.txt')]
    with_mask = NIR in modalities
    frames = [_files(root, name, with_mask) for name in names]
    table = LabelTable.train_ids(label_space)
    readers = {RGB: _color, AOLP: _aolp, DOLP: _dolp, NIR: _nir}
    layout = Layout(frames, lambda files: _labels(files, table), readers, ENCODINGS)
    return FileFrames(root, split, modalities, label_space, layout, options)


def _files(root: Path, name: str, with_mask: bool) -> FrameFiles:
    masks = (root / _MASK_FOLDER / f'{name}.png',) if with_mask else ()
    planes = {
        RGB: (root / 'polL_color' / f'{name}.png',),
        AOLP: (root / 'polL_aolp_sin' / f'{name}.npy', root / 'polL_aolp_cos' / f'{name}.npy'),
        DOLP: (root / 'polL_dolp' / f'{name}.npy',),
        NIR: (root / 'NIR_warped' / f'{name}.png',),
    }
    return FrameFiles(name, (*masks, root / 'GT' / f'{name}.png'), planes)


def _labels(files: FrameFiles, table: LabelTable) -> NDArray[np.uint8]:
    labels = table.read(files.labels[-1])[:, CUT_COLUMNS:]
    if len(files.labels) > 1:
        illegal = read_pixels(files.labels[0])
        illegal = illegal[..., 0] if illegal.ndim == 3 else illegal
        illegal = illegal[:, CUT_COLUMNS:]
        if illegal.shape != labels.shape:
            raise DatasetError(f'{files.labels[0]} has another size than {files.labels[-1]}.')
        labels = np.where(illegal > 0, np.uint8(table.space.ignore_id), labels)
    return labels


def _color(files: FrameFiles) -> NDArray[np.uint8]:
    return read_rgb(files.planes[RGB][0])[:, CUT_COLUMNS:]


def _nir(files: FrameFiles) -> NDArray[np.uint8]:
    return read_grey(files.planes[NIR][0])[:, CUT_COLUMNS:]


def _aolp(files: FrameFiles) -> NDArray[np.uint8]:
    sine, cosine = (read_array(path) for path in files.planes[AOLP])
    if sine.shape != cosine.shape:
        raise DatasetError(f'{files.planes[AOLP][0]} has another size than its cosine.')
    return _encoded(ENCODINGS[AOLP], np.stack([sine, cosine], axis=-1))


def _dolp(files: FrameFiles) -> NDArray[np.uint8]:
    return _encoded(ENCODINGS[DOLP], read_array(files.planes[DOLP][0])[..., None])


def _encoded(encoding: str, values: NDArray[np.float32]) -> NDArray[np.uint8]:
    values = values[:, CUT_COLUMNS:]
    finite = np.asarray(np.isfinite(values).all(axis=-1))
    plane = Plane(np.where(finite[..., None], values, np.float32(0)), finite)
    return np.asarray(encode(encoding, plane, EncodingContext()), np.uint8)


def _fits(root: Path) -> bool:
    return (root / 'polL_color').is_dir() and (root / 'GT').is_dir()


READER = Reader(
    'mcubes',
    _fits,
    open_mcubes,
    'mcubes',
    (RGB, AOLP, DOLP, NIR),
    ('train', 'val', 'test'),
    ENCODINGS,
    Legacy(
        'The split val reads the test list (102 frames), so models were chosen on the test split; '
        'scored are the middle 1024 x 1024 pixels; classes that do not occur count as IoU 0. '
        'Those trainers also mirrored frames without negating the sine of the angle and learned '
        'from pixels outside the near infrared image, which is not repeated here.',
        centre=(1024, 1024),
        absent_counts_zero=True,
        splits={'val': 'test'},
    ),
)
