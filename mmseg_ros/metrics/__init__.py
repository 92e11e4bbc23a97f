"""Numbers and images of scores: pure functions of labels, no bundles and no files of data."""
