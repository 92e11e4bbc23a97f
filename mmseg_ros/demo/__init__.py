"""The demonstration: simulated sequence, live node over DDS, sensors that fail, one report."""
