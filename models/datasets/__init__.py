"""Readers of data sets: labelled frames of encoded, aligned modalities."""
