"""A slice of `python -m tests.campaigns.prepare_fuzz`, which tries five thousand mutants."""

from __future__ import annotations

from pathlib import Path

from tests.campaigns.prepare_fuzz import SHARES, Campaign


def test_every_mutant_of_a_slice_is_used_or_refused_by_name(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, seed=1)
    number = 0
    while campaign.mutants < 100:
        campaign.run(number)
        number += 1
    assert all(campaign.verdicts[kind] for kind in SHARES)
    assert campaign.verdicts["zips"].keys() >= {"used", "refused"}
