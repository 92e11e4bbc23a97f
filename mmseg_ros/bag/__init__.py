"""Recordings, read and written without ROS."""
