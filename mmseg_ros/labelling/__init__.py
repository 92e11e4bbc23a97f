"""Labels as colors, overlays and labeled points."""

from mmseg_ros.labelling.colors import as_rgb, colorize, overlay
from mmseg_ros.labelling.merging import merge_clouds, merge_views
from mmseg_ros.labelling.points import (
    FIELD_PRESETS,
    labelled_cloud,
    organized_cloud,
    packed_rgb,
    transfer_labels,
)

__all__ = [
    'FIELD_PRESETS',
    'as_rgb',
    'colorize',
    'labelled_cloud',
    'merge_clouds',
    'merge_views',
    'organized_cloud',
    'overlay',
    'packed_rgb',
    'transfer_labels',
]
