"""Sourcify and Etherscan take a submission and say that it is not of that address.

Nothing of ours has to be deployed for it, and nothing is left behind.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from nftgan.chain.birth import shared_contracts
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.explorers import Etherscan, Explorer, Sourcify
from nftgan.chain.networks import CHAINS
from nftgan.chain.standard_json import submission
from nftgan.errors import CheckFailed
from tests.live.switches import switch

SEPOLIA = CHAINS["sepolia"].chain_id


def _refused(explorer: Explorer) -> None:
    wrong = replace(submission(shared_contracts("NftganCollection")[0]), address=DEPLOYER)
    with pytest.raises(CheckFailed, match=DEPLOYER):
        explorer.verify(SEPOLIA, wrong)


def test_sourcify_compiles_a_source_and_says_that_the_code_is_another() -> None:
    switch("SOURCIFY")
    _refused(Sourcify())


def test_etherscan_compiles_a_source_and_says_that_the_code_is_another() -> None:
    _refused(Etherscan(key=switch("ETHERSCAN")))
