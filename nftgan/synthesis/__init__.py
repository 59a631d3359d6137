"""Seeds to latents to images: truncation, mixing, canonical render."""
