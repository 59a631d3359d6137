"""Facts of data sets that need not exist."""

from typing import Any

from nftgan.training.config import DatasetFacts


def facts_of(side: int, **changes: Any) -> DatasetFacts:
    return DatasetFacts("a.zip", "a", "sha256:0", 100, side, 3, **{"label_count": 0} | changes)
