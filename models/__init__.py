"""Model definitions and the offline trainer; imported as `mmseg_models`."""
