"""`contract verify`: every shared contract that is on the chain, then the clone as a proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.explorers import ALREADY, VERIFIED
from nftgan.chain.standard_json import Submission
from nftgan.errors import CheckFailed
from nftgan.project import Project
from nftgan.workflows.contract_verify import verification_plan, verify_contracts
from nftgan.workflows.publishing import ChainChoice


class Explorer:
    """Takes each contract once; refuses what is in `wrong`."""

    name = "explorer"

    def __init__(self) -> None:
        self.known: list[str] = []
        self.wrong = ""

    def verify(self, chain_id: int, one: Submission) -> str:
        if one.address == self.wrong:
            raise CheckFailed("another code")
        if one.address in self.known:
            return ALREADY
        self.known.append(one.address)
        return VERIFIED

    def link(self, chain_id: int, clone: str, implementation: str) -> str | None:
        assert implementation in self.known
        return None


def test_what_was_verified_before_a_refusal_is_done_in_the_next_run(published: Project) -> None:
    plan = verification_plan(published, ChainChoice())
    assert list(plan.contracts) == ["implementation", "factory"]  # no sale was made here
    explorer = Explorer()
    explorer.wrong = plan.contracts["factory"].address
    with pytest.raises(CheckFailed):
        verify_contracts(plan, explorer)
    explorer.wrong = ""
    done = verify_contracts(plan, explorer)
    assert [one.said for one in done[:2]] == [ALREADY, VERIFIED]
    assert done[2].address == plan.collection and "minimal proxy" in done[2].said


def test_what_to_paste_is_written_and_nobody_is_asked(
    published: Project, answer: Callable[..., Any], tmp_path: Path
) -> None:
    answer("contract", "verify", "--print", str(tmp_path / "out"), "-C", str(published.root))
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["factory.standard.json", "implementation.standard.json"]
    made = json.loads((tmp_path / "out" / "factory.standard.json").read_text())
    assert made["language"] == "Solidity" and "src/NftganFactory.sol" in made["sources"]
