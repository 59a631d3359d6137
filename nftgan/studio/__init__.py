"""The studio: a local web application to look, rate, pick and name, and to watch a run."""
