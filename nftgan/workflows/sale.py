"""sale: what an artist does with a sale; every transaction is sent once. Vouchers to buy in it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nftgan.chain.names import address_of
from nftgan.chain.sales import Voucher, sign_voucher
from nftgan.errors import UsageError
from nftgan.files import canonical_json, sha256_hex
from nftgan.workflows.sale_close import Closing
from nftgan.workflows.sale_open import Opening
from nftgan.workflows.sale_reveal import Revealing


class SaleManager(Opening, Revealing, Closing):
    """What the artist does with a sale."""

    def voucher(
        self,
        buyer: str,
        count: int,
        price_wei: int,
        *,
        deadline: int | None = None,
        nonce: int | None = None,
    ) -> dict[str, Any]:
        """A right to buy, signed: the document that `nftgan sale buy --voucher` takes.

        The same words give the same voucher, which buys once; `nonce` makes another one. deadline:
        the last second, else that of the sale. Raises UsageError when the sale takes no vouchers of
        this account, or when this one was used.
        """
        sale = self.sale()
        terms = sale.terms()
        if terms.signer != self.account.address:
            who = f"of {terms.signer}, not of" if terms.signer else "at all, also not of"
            raise UsageError(
                f"this sale takes no vouchers {who} {self.account.address}"
                if terms.signer is None
                else f"this sale takes vouchers {who} {self.account.address}",
                hint="--signer of nftgan sale open says whose",
            )
        buyer = address_of(self.connection, buyer, what="buyer's address")
        if nonce is None:
            words = f"{sale.address} {buyer} {count} {price_wei}"
            nonce = int(sha256_hex(words.encode()), 16)
        if sale.voucher_used(nonce):
            raise UsageError("this voucher was used already", hint="--nonce 2 makes another one")
        last = terms.closes - 1 if deadline is None else deadline
        voucher = Voucher(buyer, count, price_wei, nonce, last)
        chain_id = self.connection.chain.chain_id
        return {
            "nftgan_voucher": 1,
            "chain_id": chain_id,
            "sale": sale.address,
            # In words, as JavaScript would round them.
            "voucher": {**asdict(voucher), "price_wei": str(price_wei), "nonce": str(nonce)},
            "signature": "0x" + sign_voucher(self.account, sale.address, chain_id, voucher).hex(),
        }


def voucher_link(page: str, document: Mapping[str, Any]) -> str:
    """The address of a drop page (`nftgan site --sale`) that takes this voucher.

    The part behind # stays in the browser: no server sees it. Raises UsageError for no web page.
    """
    place = page.partition("#")[0]
    if not re.fullmatch(r"(?:https?|ipfs)://\S+", place):
        raise UsageError(f"{page[:80]!r} is not the address of a page", hint="--page https://…")
    coded = base64.urlsafe_b64encode(canonical_json(document)).decode("ascii").rstrip("=")
    return f"{place}#/sale?voucher={coded}"
