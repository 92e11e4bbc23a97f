"""ROS messages to core values and back, by attribute names alone: no ROS import."""
