"""Losses of regions: each class of an image counts by its overlap, however small it is.

Both are taken of each image, over the classes that it shows, and averaged over the images; the
overlap of a whole batch, which the sources also use, would differ between a batch and its parts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class RegionLoss(nn.Module):
    """Base: the classes of each image, weighted, then the mean over the images.

    An image without any class counts as 0.

    Args:
        ignore_index: Label of pixels without a class.
        class_weights_K: How much each class counts; None counts all alike.
    """

    class_weights_K: Tensor | None

    def __init__(self, ignore_index: int = 255, class_weights_K: Tensor | None = None) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        self.register_buffer('class_weights_K', class_weights_K)

    def amount(self, labels_BHW: Tensor) -> Tensor:
        """Return the number of images, float32."""
        return torch.tensor(float(len(labels_BHW)), device=labels_BHW.device)

    def forward(self, logits_BKHW: Tensor, labels_BHW: Tensor) -> Tensor:
        """Return the scalar loss, float32; computed in float32 from logits of any float type."""
        with torch.autocast(logits_BKHW.device.type, enabled=False):
            probabilities_BKHW = logits_BKHW.float().softmax(dim=1)
            pairs = zip(probabilities_BKHW, labels_BHW, strict=True)
            return torch.stack([self._of_image(p, labels) for p, labels in pairs]).mean()

    def _of_image(self, probabilities_KHW: Tensor, labels_HW: Tensor) -> Tensor:
        valid_P = (labels_HW != self.ignore_index).flatten()
        labels_P = labels_HW.flatten()[valid_P]
        present_C = labels_P.unique()
        if not len(present_C):
            return probabilities_KHW.sum() * 0.0
        chosen_CP = probabilities_KHW.flatten(1)[present_C][:, valid_P]
        losses_C = self.of_classes(chosen_CP, (labels_P == present_C[:, None]).float())
        if self.class_weights_K is None:
            return losses_C.mean()
        weights_C = self.class_weights_K[present_C]
        return (weights_C * losses_C).sum() / weights_C.sum().clamp(min=1e-6)

    def of_classes(self, probabilities_CP: Tensor, truth_CP: Tensor) -> Tensor:
        """Return the loss of each of C classes over the P valid pixels of an image.

        Args:
            probabilities_CP: Of each class.
            truth_CP: 1 where a pixel is of the class, else 0; every class has some.
        """
        raise NotImplementedError


class DiceLoss(RegionLoss):
    """1 - Dice, with probabilities in place of labels.

    Source: Milletari et al., V-Net, 3DV 2016; deviation: no squares in the denominator.
    """

    def of_classes(self, probabilities_CP: Tensor, truth_CP: Tensor) -> Tensor:
        """Return 1 - 2 |overlap| / (|prediction| + |truth|) per class."""
        overlap_C = (probabilities_CP * truth_CP).sum(dim=1)
        return 1.0 - 2.0 * overlap_C / (probabilities_CP.sum(dim=1) + truth_CP.sum(dim=1))


class LovaszSoftmax(RegionLoss):
    """The Lovasz extension of 1 - IoU, taken at the errors of the probabilities.

    Source: Berman et al., The Lovasz-Softmax loss, CVPR 2018 (arXiv 1705.08790), equation 9 with
    the classes present in the image, and algorithm 1.
    """

    def of_classes(self, probabilities_CP: Tensor, truth_CP: Tensor) -> Tensor:
        """Return the extension per class."""
        errors_CP, order_CP = (truth_CP - probabilities_CP).abs().sort(dim=1, descending=True)
        gains_CP = jaccard_gains(truth_CP.gather(1, order_CP))
        return (errors_CP * gains_CP).sum(dim=1)


def jaccard_gains(truth_CP: Tensor) -> Tensor:
    """Return how much 1 - IoU grows as each pixel, in the order given, becomes wrong."""
    total_C1 = truth_CP.sum(dim=1, keepdim=True)
    kept_CP = total_C1 - truth_CP.cumsum(dim=1)
    union_CP = total_C1 + (1.0 - truth_CP).cumsum(dim=1)
    loss_CP = 1.0 - kept_CP / union_CP
    return loss_CP - functional.pad(loss_CP[:, :-1], (1, 0))
