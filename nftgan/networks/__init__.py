"""Generators, discriminators and their files."""
