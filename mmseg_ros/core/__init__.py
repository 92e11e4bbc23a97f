"""Values, errors, label spaces, parameters: numpy and YAML only."""
