"""The page in a browser: inputs, labels, cloud, health and figures, live or from a bag."""
