"""What every test runs under: threads sleep while they wait, and kernels are compiled once."""

from __future__ import annotations

import os

from nftgan.project import state_home

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads its OpenMP runtime
# Most tests have a home of their own, and would compile the kernels anew.
os.environ.setdefault("NFTGAN_KERNEL_CACHE", str(state_home() / "cache" / "kernels"))
