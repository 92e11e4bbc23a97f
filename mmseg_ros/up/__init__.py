"""Nodes, player and view as processes with one log, for machines without ros2 launch."""
