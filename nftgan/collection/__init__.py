"""Manifest, curation, novelty, traits, rarity, metadata."""
