"""Model definitions and the offline trainer; imported as `mmseg_models`."""

from mmseg_models.registry import create_model, list_models

__all__ = ['create_model', 'list_models']
