"""Label images of an evaluation as PNG files that any tool reads, and `--labels` again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from numpy.typing import NDArray

from mmseg_ros.core.atomic_files import atomic_folder, write_text
from mmseg_ros.core.errors import OutputError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.labelling.colors import colorize
from mmseg_ros.labelling.image_files import write_image

COLOR_FOLDER = 'color'
FRAMES_FILE, STAMPS_FILE, LABEL_SPACE_FILE = 'frames.csv', 'stamps.csv', 'label_space.yaml'
_HEAD = ('file', 'name', 'stamp_ns', 'frame_id', 'sensors')


@contextmanager
def mask_folder(path: Path, label_space: LabelSpace) -> Iterator[MaskFolder]:
    """Yield a folder of masks that appears whole if the block ends well, else not at all.

    Args:
        path: The folder.
        label_space: What the labels mean.

    Raises:
        OutputError: The folder exists, there was no frame, or it cannot be written.
    """
    with suppress(_Cut), atomic_folder(path) as draft:
        masks = MaskFolder(draft, label_space)
        yield masks
        if masks.is_cut:
            raise _Cut
        masks.finish()


class _Cut(Exception):  # noqa: N818 - a way out, no error
    """Ends the block so that no folder appears."""


class MaskFolder:
    """Label images (ids) in the folder, their colors in `color/`, and what they belong to.

    Attributes:
        count: Number of frames.
        is_cut: Whether the run ended early; then no folder appears.
    """

    def __init__(self, folder: Path, label_space: LabelSpace) -> None:
        """Fill an empty folder; see `mask_folder`."""
        self.is_cut = False
        self._folder = folder
        self._label_space = label_space
        self._rows: list[tuple[object, ...]] = []

    @property
    def count(self) -> int:
        """Return the number of frames so far."""
        return len(self._rows)

    def add(
        self,
        labels: NDArray[Any],
        name: str = '',
        stamp_ns: int | None = None,
        frame_id: str = '',
        sensors: Sequence[str] = (),
    ) -> None:
        """Add the labels of one frame.

        Args:
            labels: H x W class ids, uint8 or uint16.
            name: Of the frame in its data set, '' for a recording.
            stamp_ns: Header stamp; None where there is none.
            frame_id: Header frame.
            sensors: What the labels were made from.
        """
        file = f'{self.count:06d}.png'
        write_image(self._folder / file, labels, durable=False)
        colors = colorize(labels, self._label_space)
        write_image(self._folder / COLOR_FOLDER / file, colors, durable=False)
        stamp = '' if stamp_ns is None else stamp_ns
        used = subset_name(sensors) if sensors else ''
        self._rows.append((file, name, stamp, frame_id, used))

    def finish(self) -> None:
        """Write the lists and the label space.

        Raises:
            OutputError: There is no frame.
        """
        if not self._rows:
            raise OutputError('There is no frame whose labels could be exported.')
        write_text(self._folder / FRAMES_FILE, _csv([_HEAD, *self._rows]))
        stamps = [(row[0], row[2]) for row in self._rows if row[2] != '']
        if stamps:
            write_text(self._folder / STAMPS_FILE, '# file,stamp_ns\n' + _csv(stamps))
        space = yaml.safe_dump(self._label_space.to_dict(), sort_keys=False)
        write_text(self._folder / LABEL_SPACE_FILE, space)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator='\n').writerows(rows)
    return stream.getvalue()
