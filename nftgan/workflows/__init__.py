"""One file per verb: plain functions that the CLI, the demo and notebooks call."""
