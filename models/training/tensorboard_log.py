"""Event files for TensorBoard, beside the CSV and JSONL rows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import MissingLibraryError

FOLDER = 'tensorboard'


class TensorboardLog:
    """Writes the rows of a run as scalars.

    A resumed run hides what the stopped one wrote after the step that it starts from.

    Args:
        run_dir: Event files go into its folder `tensorboard`.
        first_step: Steps already done.

    Raises:
        MissingLibraryError: The package tensorboard is not installed.
    """

    def __init__(self, run_dir: Path, first_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingLibraryError(
                'tensorboard: true needs the package tensorboard; pip install '
                "'mmseg_ros[tensorboard]', or leave the option out."
            ) from error
        self._writer: Any = SummaryWriter(str(run_dir / FOLDER), purge_step=first_step + 1)

    def training_row(self, row: Mapping[str, float]) -> None:
        """Write one row of the training log as `train/loss` and so on."""
        for name, value in row.items():
            if name != 'step':
                self._writer.add_scalar(f'train/{name}', value, int(row['step']))
        self._writer.flush()

    def validation_row(
        self, step: int, scores: Mapping[str, Mapping[str, Any]], kind: str
    ) -> None:
        """Write scores as `validate/miou/rgb+lidar`, and those of the end as `final/...`."""
        for subset, score in scores.items():
            for name, value in score.items():
                if isinstance(value, float):
                    self._writer.add_scalar(f'{kind}/{name}/{subset}', value, step)
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
