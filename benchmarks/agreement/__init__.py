"""How well scores of images agree with an eye; run with python -m benchmarks.agreement."""
