"""What is looked at in a data set beyond the scores: size, agreement, worst frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.subsets import Subset, subset_name
from mmseg_ros.core.types import RGB
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.evaluation import pictures
from mmseg_ros.evaluation.worst import WorstFrames, frame_miou
from mmseg_ros.labelling.colors import colorize, overlay
from mmseg_ros.labelling.objects import object_sizes
from mmseg_ros.metrics.metrics import rounded
from mmseg_ros.metrics.report import Figure
from mmseg_ros.metrics.strata import size_strata


class DataSetStudies:
    """Studies of the frames of a data set, with all sensors and with fewer.

    Attributes:
        worst: The frames with the lowest mIoU.
    """

    def __init__(self, label_space: LabelSpace) -> None:
        """Start with nothing seen.

        Args:
            label_space: The classes of the truth.
        """
        self.worst = WorstFrames()
        self._space = label_space
        self._sizes = size_strata(label_space)
        self._agreement: dict[Subset, NDArray[np.int64]] = {}

    def add(
        self,
        frame: LabelledFrame,
        labels: Mapping[Subset, NDArray[Any]],
        row: Mapping[str, Any],
    ) -> None:
        """Take one frame.

        Args:
            frame: Its images and truth.
            labels: H x W class ids per subset, at the size of the truth, the full set first.
            row: What was counted on it, as in metrics.json.
        """
        full = next(iter(labels.values()))
        self._sizes.update(full, frame.labels, object_sizes(frame.labels, self._space.ignore_id))
        for subset, image in labels.items():
            counts = self._agreement.setdefault(subset, np.zeros(2, np.int64))
            counts += np.array([np.count_nonzero(image == full), image.size])
        miou = frame_miou(row)
        title = f'{frame.name}: mIoU {miou:.3f}'
        self.worst.offer(miou, frame.name, lambda: self._figure(frame, full, title))

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            'object_size': self._sizes.plain(),
            'agreement': {
                subset_name(subset): rounded(same / total)
                for subset, (same, total) in self._agreement.items()
            },
            'worst': self.worst.plain(),
        }

    def _figure(self, frame: LabelledFrame, labels: NDArray[Any], title: str) -> Figure:
        inputs = dict(zip(frame.modalities, frame.images, strict=True))
        outputs = {
            name: overlay(inputs[RGB], image, self._space, alpha=0.55)
            if RGB in inputs
            else colorize(image, self._space)
            for name, image in (('labels', labels), ('truth', frame.labels))
        }
        legend = pictures.legend(labels, self._space)
        return pictures.set_figure(title, inputs, outputs, legend)
