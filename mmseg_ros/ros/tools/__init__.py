"""Programs of their own beside the node: player, recorder, probes, prompts."""
