"""Recipe, regenerate, verify a token end to end."""
