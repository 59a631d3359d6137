"""What the drop page knows of a sale: where it is, its terms, and how its contracts are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nftgan.chain.artifact import COLLECTION, COLLECTION_CODE, SALE, artifact
from nftgan.chain.sales import SaleTerms
from nftgan.site.birth import shipped
from nftgan.site.renderer import HERE

LIBRARY = HERE / "libraries" / "viem.js"
"""Calls contracts; bundled by scripts/site_libraries."""
_READ = ("bought", "claimCount", "claims", "collection", "delivered", "drawBlock", "drawn")
_SALE = (
    *(*_READ, "refundable", "sold", "stockFirst", "stocked"),
    *("buy", "buyListed", "draw", "end", "redeem", "refund"),
)
_COLLECTION = ("Transfer", "maxSupply", "nextTokenId", "owner")


@dataclass(frozen=True)
class Offer:
    """One sale on one chain.

    allowed: address to how many tokens, of a sale to a list. first_block: no token was minted by
    the sale before. hidden: blind and not revealed, so nothing of the pieces may be shown.
    """

    chain: str
    chain_id: int
    explorer: str
    address: str
    owner: str
    terms: SaleTerms
    first_block: int
    allowed: Mapping[str, int]
    hidden: bool


def offer_facts(offer: Offer, about: str) -> dict[str, Any]:
    """As the page has it; wei are text, as JavaScript would round them."""
    terms = offer.terms
    return {
        "abi": {
            "collection": _abi(COLLECTION, _COLLECTION),
            "errors": [one for one in artifact(COLLECTION_CODE)["abi"] if one["type"] == "error"],
            "sale": _abi(SALE, _SALE),
        },
        "about": about,
        "address": offer.address,
        "allowlist": [[who, str(count)] for who, count in offer.allowed.items()],
        "chain": offer.chain,
        "chain_id": offer.chain_id,
        "explorer": offer.explorer,
        "first_block": offer.first_block,
        "hidden": offer.hidden,
        "shipped": shipped((COLLECTION, COLLECTION_CODE, SALE)),
        "terms": {
            "owner": offer.owner,
            "collection": terms.collection,
            "commitment": _hex(terms.commitment),
            "allowlist": _hex(terms.allowlist),
            "signer": terms.signer,
            "price": str(terms.price_wei),
            "supply": terms.supply,
            "perWallet": terms.per_wallet,
            "opens": terms.opens,
            "closes": terms.closes,
            "refundsFrom": terms.refunds_from,
        },
    }


def _hex(value: bytes) -> str | None:
    return "0x" + value.hex() if any(value) else None


def _abi(name: str, names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        one for one in artifact(name)["abi"] if one["type"] == "error" or one.get("name") in names
    ]
