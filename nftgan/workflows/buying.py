"""sale buy: a purchase in anybody's sale; run again, nothing is bought twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nftgan.chain.accounts import check_address
from nftgan.chain.rpc import Connection
from nftgan.chain.sales import Allowlist, Voucher, trusted_sale
from nftgan.chain.sending import Operation
from nftgan.errors import UsageError
from nftgan.files import read_json
from nftgan.project import state_home
from nftgan.workflows.acts import Act, Spending, Step
from nftgan.workflows.publishing import ChainChoice, sender_for, signer

GAS_PURCHASE = 160_000  # about; the node is asked


def read_voucher(path: Path) -> tuple[int, str, Voucher, bytes]:
    """(chain id, sale, voucher, signature) from a file. Raises UsageError when it is none."""
    document = read_json(path)
    try:
        values = document["voucher"]
        voucher = Voucher(
            check_address(values["buyer"]),
            int(values["count"]),
            int(values["price_wei"]),
            int(values["nonce"]),
            int(values["deadline"]),
        )
        signature = bytes.fromhex(document["signature"].removeprefix("0x"))
        return int(document["chain_id"]), check_address(document["sale"]), voucher, signature
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise UsageError(f"{path} is not a voucher", hint="nftgan sale voucher") from exc


class Buying(Spending):
    """A purchase in preparation, in anybody's sale."""

    def __init__(
        self,
        connection: Connection,
        address: str,
        choice: ChainChoice,
        *,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
    ) -> None:
        self.connection = connection
        self.sale = trusted_sale(connection, address)
        self.account = signer(connection, choice, prompt, warn)
        name = f"{connection.chain.chain_id}-{self.sale.address}-{self.account.address}.jsonl"
        path = state_home() / "purchases" / name
        self.sender = sender_for(connection, self.account, path, choice, sale=self.sale.address)

    def buying(self, count: int, allowed: Allowlist | None = None) -> Act:
        """Buy until the account has bought `count` tokens in this sale.

        Raises UsageError for an account that is not on the list, or while another purchase may be
        on its way.
        """
        had, price = self.sale.bought(self.account.address), self.sale.terms().price_wei
        more = count - had
        if more <= 0:
            return Act(lambda: [])
        name = f"buy {more}, {count} in all"
        if allowed is None:
            data = self.sale.data("buy", more)
        else:
            me = self.account.address
            proof = allowed.proof(me)
            data = self.sale.data("buyListed", more, allowed.allowances[me], proof)
        return self._purchase(
            name, data, more * price, lambda: self.sale.bought(self.account.address) >= count
        )

    def redeeming(self, voucher: Voucher, signature: bytes) -> Act:
        """Buy what a voucher says; once it is used there is nothing to do."""
        data = self.sale.redeem_data(voucher, signature)
        return self._purchase(
            f"redeem voucher {voucher.nonce}",
            data,
            voucher.price_wei,
            lambda: self.sale.voucher_used(voucher.nonce),
        )

    def _purchase(self, name: str, data: bytes, price_wei: int, done: Callable[[], bool]) -> Act:
        journal = self.sender.journal
        for other in journal.attempts:
            mined = other in journal.mined or other in journal.finals
            if other != name and not mined and not self.sender.is_mined(Operation(other, "", b"")):
                raise UsageError(
                    f"an earlier purchase may be on its way: {other}",
                    hint="run that command again first",
                )
        step = Step.of(name, GAS_PURCHASE, self.sale.address, data, done, price_wei)
        return Act(lambda: [step])
