"""What the tests of sales type, and what they look at beside nftgan's answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nftgan.chain.accounts import embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.chain.sales import Sale
from nftgan.files import read_json
from nftgan.project import Project

PRICE = 10**16
STRANGER = "0x52908400098527886E0F7030069857D2E4169EE7"


class SaleDesk:
    """Types commands about one collection and looks at the chain beside nftgan's answers."""

    def __init__(self, project: Project, answer: Callable[..., Any]) -> None:
        self.project, self.type = project, answer
        self.connection = connect(CHAINS["embedded"])
        record = read_json(next(project.deployments.glob("*.json")))
        self.collection = Collection(self.connection, record["collection"])
        self.artist = embedded_account().address

    def sale(self, verb: str, *words: str, expect: int = 0) -> Any:
        return self.type("sale", verb, *words, "-C", str(self.project.root), expect=expect)

    def sale_of(self, address: str) -> Sale:
        return Sale(self.connection, address)

    @property
    def blocks(self) -> int:
        return int(self.connection.w3.eth.block_number)

    def money(self, address: str) -> int:
        return int(self.connection.w3.eth.get_balance(address))
