"""From the scores on a network's input to labels on the image, as the image was fitted."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mmseg_ros.projection.fit import Fit


def labels_on_image(logits_BKHW: Tensor, fit: Fit, ignore_id: int) -> Tensor:
    """Return B x H x W int64 labels at the size of the image; classes are compared there.

    Args:
        logits_BKHW: Scores per class over the network's input, at any resolution.
        fit: How the image lies on that input.
        ignore_id: Label of the pixels of the image that the input did not hold.
    """
    labels_BHW = scores_on_image(logits_BKHW, fit).argmax(dim=1)
    if fit.is_whole:
        return labels_BHW
    covered_HW = torch.from_numpy(fit.covered()).to(labels_BHW.device)
    return labels_BHW.masked_fill(~covered_HW, ignore_id)


def scores_on_image(logits_BKHW: Tensor, fit: Fit) -> Tensor:
    """Return the scores at the size of the image, bilinear; 0 where the input did not hold it."""
    image_size = fit.image_height, fit.image_width
    if fit.is_whole:
        return _resized(logits_BKHW, image_size)
    logits_BKHW = _resized(logits_BKHW, (fit.height, fit.width))
    scaled_size = fit.scaled_height, fit.scaled_width
    scaled_BKHW = logits_BKHW.new_zeros((*logits_BKHW.shape[:2], *scaled_size))
    rows, columns = fit.kept
    inner_rows, inner_columns = fit.inner
    scaled_BKHW[..., rows, columns] = logits_BKHW[..., inner_rows, inner_columns]
    return _resized(scaled_BKHW, image_size)


def _resized(logits_BKHW: Tensor, size: tuple[int, int]) -> Tensor:
    if logits_BKHW.shape[2:] == size:
        return logits_BKHW
    return functional.interpolate(
        logits_BKHW.float(), size=size, mode='bilinear', align_corners=False
    )
