"""Aligned planes as the 8-bit images that stand on disk and enter the network."""

from mmseg_ros.encoding.context import EncodingContext
from mmseg_ros.encoding.registry import ENCODINGS, encode, event_channels

__all__ = ['ENCODINGS', 'EncodingContext', 'encode', 'event_channels']
