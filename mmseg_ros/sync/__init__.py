"""Which samples belong together, and which sensors are alive."""
