"""Measures the engine, the pipeline and the live node on this machine."""
