"""Rays and pixels: what a camera sees of the world."""
