"""Verbs of the panel."""
