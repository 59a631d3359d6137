"""Typer verbs: parse, call one workflow, present the result."""
