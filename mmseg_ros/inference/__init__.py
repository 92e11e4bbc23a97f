"""Bundles and the runtimes that execute them."""
