"""Readers of labeled data sets, one file per layout; no torch."""
