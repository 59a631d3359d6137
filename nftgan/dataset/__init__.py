"""Art folder to scanned, cleaned, packed and loaded images."""
