"""One module per command-line verb: `add_arguments(parser)` and `run(arguments)`; heavy imports inside `run`."""
