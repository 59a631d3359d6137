"""The parts of gpu_report.py, one file each; every one has `rows(bench, *options)`."""
