"""MLE-SAM (arXiv 2412.04220)."""

from mmseg_models.mle_sam.model import MleSam

__all__ = ['MleSam']
