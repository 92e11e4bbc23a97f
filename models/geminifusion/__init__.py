"""GeminiFusion (arXiv 2406.01210)."""

from mmseg_models.geminifusion.model import GeminiFusion

__all__ = ['GeminiFusion']
