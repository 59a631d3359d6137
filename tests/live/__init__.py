"""Opt-in tests against services on the internet; CONTRIBUTING.md lists the variables."""
