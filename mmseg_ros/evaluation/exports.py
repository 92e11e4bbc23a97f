"""What an evaluation writes beside its scores: the labels, as a bag and as images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_ros.bag.result_bag import ResultBag, result_bag
from mmseg_ros.core.config import OutputConfig
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.evaluation.mask_folder import MaskFolder, mask_folder
from mmseg_ros.labelling.frame import Frame


@dataclass(frozen=True, slots=True)
class ExportPaths:
    """Where the labels go.

    Attributes:
        bag: Folder of a copy of the recording with the results in it; None writes none.
        masks: Folder of label images; None writes none.
    """

    bag: Path | None = None
    masks: Path | None = None


class _NothingExported(Exception):  # noqa: N818 - a way out, no error
    """Ends the block without a result, so that nothing appears."""


@dataclass(slots=True)
class Exports:
    """Takes the frames of one evaluation.

    Attributes:
        bag: The copy, if one is written. masks: The label images, if they are.
        frames: Number of frames so far.
        is_cut: Whether the run ended early; then nothing appears.
    """

    bag: ResultBag | None = None
    masks: MaskFolder | None = None
    frames: int = field(default=0, init=False)
    is_cut: bool = field(default=False, init=False)

    def add(self, frame: Frame) -> None:
        """Add the labels of one frame.

        Raises:
            OutputError: They cannot be written.
        """
        self.frames += 1
        if self.bag is not None:
            self.bag.add(frame)
        if self.masks is not None:
            result = frame.result
            sensors = _used(result.modalities, result.available.tolist())
            self.masks.add(result.labels, '', result.stamp_ns, result.frame_id, sensors)

    def text(self, paths: ExportPaths) -> str:
        """Return what was written, in some lines."""
        lines = ''
        if self.masks is not None:
            lines += f'{paths.masks}: {self.masks.count} label images\n'
        if self.bag is not None:
            lines += f'{paths.bag}: a copy of the recording with\n{self.bag.text()}'
        return lines


@contextmanager
def exports(
    paths: ExportPaths,
    source: Path,
    label_space: LabelSpace,
    config: OutputConfig,
    has_lidar: bool,
) -> Iterator[Exports]:
    """Yield what takes the frames; bag and images appear whole if the block ends well.

    If no frame was added, or the run was cut, nothing appears. Arguments and errors as of
    `result_bag` and `mask_folder`.
    """
    found = Exports()
    with suppress(_NothingExported), ExitStack() as files:
        if paths.bag is not None:
            bag = result_bag(paths.bag, source, label_space, config, has_lidar)
            found.bag = files.enter_context(bag)
        if paths.masks is not None:
            found.masks = files.enter_context(mask_folder(paths.masks, label_space))
        yield found
        if not found.frames or found.is_cut:
            found.bag = found.masks = None
            raise _NothingExported


def _used(modalities: Sequence[str], available: Sequence[bool]) -> list[str]:
    return [name for name, used in zip(modalities, available, strict=True) if used]
