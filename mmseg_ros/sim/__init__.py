"""The synthetic driving world."""
