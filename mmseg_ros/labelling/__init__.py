"""Labels as colours, overlays and point fields."""
