"""CrossVLT (arXiv 2408.07539)."""

from mmseg_models.crossvlt.model import CrossVLT

__all__ = ['CrossVLT']
