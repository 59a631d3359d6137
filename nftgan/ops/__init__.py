"""Filters, resampling and fused activation."""
