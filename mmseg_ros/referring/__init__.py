"""Segmentation by words: sentences to tokens, tokens and a camera image to masks."""
