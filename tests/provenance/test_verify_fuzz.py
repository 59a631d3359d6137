"""A slice of `python -m tests.campaigns.verify_fuzz`, which tries ten thousand."""

from __future__ import annotations

from pathlib import Path

from tests.campaigns.verify_fuzz import MOST_SECONDS, Campaign


def test_nothing_false_is_proven_of_a_slice_of_the_campaign(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, seed=1)
    for number in range(120):
        campaign.run(number)
    verdicts = [name for tally in campaign.tallies.values() for name in tally.verdicts]
    assert {"proven", "broken"} <= set(verdicts)  # it makes true ones, too
    assert max(tally.slowest_seconds for tally in campaign.tallies.values()) < MOST_SECONDS
