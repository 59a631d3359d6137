"""prepare: an art folder becomes a training data set."""

from __future__ import annotations

from nftgan.dataset.prepare import PrepareOptions, PrepareReport, prepare

__all__ = ["PrepareOptions", "PrepareReport", "prepare"]
