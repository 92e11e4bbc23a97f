"""The sensors: clocks, exposure, depth, LiDAR and event cameras."""
