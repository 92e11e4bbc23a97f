"""Fused semantic segmentation of camera, depth, event camera and LiDAR for ROS 2."""

__version__ = '0.1.0'
