"""The offline trainer: recipe -> setup, fit, validate -> weights that say what they are."""
