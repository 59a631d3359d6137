"""Local web app: look, rate, pick."""
