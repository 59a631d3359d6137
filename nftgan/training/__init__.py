"""Losses, schedules, loop, state."""
