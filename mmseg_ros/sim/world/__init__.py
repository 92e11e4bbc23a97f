"""The streets: what stands where, how it moves, of which surfaces and in which weather."""
