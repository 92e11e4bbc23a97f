"""The demonstration: simulated drive, live node over DDS, sensors that fail, one report."""
