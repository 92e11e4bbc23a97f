"""Decoders from four feature maps to logits."""
