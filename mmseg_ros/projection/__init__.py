"""Every sensor into the image of the reference camera."""
