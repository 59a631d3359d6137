"""The sentences of each client mean what they mean, and nothing but the node's own words counts."""

from __future__ import annotations

import pytest

from nftgan.chain.errors import NodeRefused
from nftgan.chain.node_words import Meaning, meaning
from nftgan.errors import ServiceError

SENTENCES = {
    "already known": Meaning.KNOWN,  # geth
    "OldNonce, Current nonce: 1, nonce of rejected tx: 0": Meaning.KNOWN,  # Nethermind
    "replacement transaction underpriced": Meaning.KNOWN,
    "max fee per gas less than block base fee: address 0x, baseFee: 2": Meaning.UNDERPRICED,
    "transaction underpriced: gas tip cap 1, minimum needed 1000000": Meaning.UNDERPRICED,
    "FEE_TOO_LOW": Meaning.UNDERPRICED,
    "tx nonce 5 exceeds next nonce 3": Meaning.NONCE_GAP,
    "Upfront cost exceeds account balance": Meaning.TOO_POOR,  # Besu
    "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)": Meaning.CAPPED,
    "internal error": Meaning.OTHER,
}


@pytest.mark.parametrize("words", SENTENCES)
def test_what_a_node_says_decides_what_is_done(words: str) -> None:
    assert meaning(NodeRefused("the node refuses it", text=words)) is SENTENCES[words]


def test_our_own_sentence_decides_nothing() -> None:
    assert meaning(ServiceError("the node at https://replacement.example fails")) is Meaning.OTHER
    refused = NodeRefused("already known is what replacement.example says", text="internal error")
    assert meaning(refused) is Meaning.OTHER
