"""StitchFusion (arXiv 2408.01343)."""

from mmseg_models.stitchfusion.model import StitchFusion

__all__ = ['StitchFusion']
