"""Runs bundles over bags and data sets and scores what they give."""
