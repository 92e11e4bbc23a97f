"""Aligned planes as the 8-bit images that the network sees."""
