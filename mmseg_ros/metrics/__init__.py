"""Numbers and pictures of scores: pure functions of labels, no bundles and no files of data."""
